// What playbooks do, for run.mjs. The server that it drives has none: what the API
// answers of them is made up here, and who decides is refused as it would be there.
import assert from "node:assert/strict";
import { accessible } from "./foundations.mjs";

const at = (s) => new Date(Date.now() + 1000 * s).toISOString();

export async function remedy({ page, url, check, host, open, scheme, quiet }) {
  const ref = { id: host.id, name: host.name, source: host.source, profile: host.profile }, incident = open?.id ?? "none";
  const target = (name) => ({ kind: "deployment", namespace: "shop", name, uid: "", replicas: 3, available: 2, revision: "", detail: "", text: name && "deployment shop/" + name });
  const action = (id, state, more = {}) => ({
    id, incident, playbook: "restart-checkout", attempt: 1, host: ref, group: "shop", does: "rollout_restart", target: target("checkout"), mode: "approve", state, guard: "", why: "critical for 4 min, score 3.4: no guard objects",
    by: "", at: at(-120), expires: null, started: null, ended: null, overridden: [], receipt: "", err: "", score_before: null, peak_after: null, recovered_seconds: null, next: [], ...more,
  });
  const effect = { measured: 6, helped: 4, not_helped: 1, worse: 1, unmeasurable: 0, interrupted: 0, recovery_seconds: 180, benefit: null, benefit_low: null, benefit_high: null, controls: 3, text: "not enough to compare: 3 past incidents without an action were open as long, 8 are needed", promote: "" };
  const guards = [["paused", "remediation is not paused", false], ["grade", "the model knows the host well enough", true], ["target", "the target is there, may be touched, and Omen has the right", false]];
  const world = {
    playbooks: { mode: "approve", paused: "", trouble: "", guards: guards.map(([name, asks, overridable]) => ({ name, asks, overridable })), playbooks: [
      { name: "restart-checkout", does: "rollout_restart", match: [{ name: "namespace", value: "shop", isRegex: false, isEqual: true }], mode: "approve", disabled: "", given_up: ["deployment shop/checkout"], started_today: 3, per_day: 10, effect },
      { name: "evil\u202Egnp", does: "scale", match: [], mode: "approve", disabled: "by omen: 2 of its last five actions made it worse", given_up: [], started_today: 0, per_day: 10, effect: { ...effect, measured: 0, helped: 0, not_helped: 0, worse: 0, recovery_seconds: null, text: "" } }] },
    actions: [
      action("a3", "stuck", { next: ["resolve"], by: "ann", started: at(-300), why: "no answer within 30 s" }), action("a2", "helped", { next: ["undo"], by: "ann", started: at(-900), ended: at(-300), score_before: 4.2, peak_after: 0.7, recovered_seconds: 95, why: "normal after 95 s" }),
      action("a1", "refused", { guard: "grade", why: "the model is young", at: at(-9000) }), action("a4", "waiting", { next: ["approve", "decline"], expires: at(600) })],
    plan: { plan: [{ action: action("a5", "refused", { guard: "grade", why: "the model is young", target: target("") }), guards: guards.map(([guard]) => ({ guard, why: guard === "grade" ? "the model is young" : "" })) }] },
  };
  const sent = [];
  const answer = (body, status = 200) => (r) => r.fulfill({ json: typeof body === "function" ? body(r.request()) : body, status });
  const routes = [
    ["**/api/v1/omen/me", answer({ user: "ann", role: "admin", approver: true })], ["**/api/v1/omen/playbooks", answer(() => world.playbooks)], ["**/api/v1/omen/incidents/*/plan", answer(() => world.plan)],
    ["**/api/v1/omen/actions?*", answer((q) => { const s = new URL(q.url()).searchParams.get("state"); return { actions: world.actions.filter((a) => !s || s.split(",").includes(a.state)) }; })],
    ["**/api/v1/omen/actions/*", answer(() => ({ ...world.actions[3], steps: [{ at: at(-120), by: "omen", state: "waiting", why: "critical for 4 min" }] }))],
    ["**/api/v1/omen/actions/a4/approve", answer({ error: "action a4: it is already approved by ann: conflict", hint: "" }, 409)],
    ["**/api/v1/omen/incidents/*/act", (r) => { sent.push(r.request().postDataJSON()); return answer({ error: "not allowed: eve is not among the approvers", hint: "remedy.approvers in the configuration names who may act" }, 403)(r); }],
    ["**/api/v1/omen/remedy/pause", (r) => { sent.push(r.request().postDataJSON()); world.playbooks.paused = "by ann: deploying"; return answer({ done: true })(r); }],
  ];
  await check("without playbooks the navigation has no actions", async () => {
    await page.goto(url + "/actions");
    await page.getByText(/^No playbook is configured/).waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^Actions/ }).count(), 0);
  });
  for (const [path, f] of routes) await page.route(path, f);
  const shown = (id) => page.getByTestId("action-" + id);
  await check("what waits comes first, with its risk, its clock and who was first", async () => {
    await scheme(false);
    await page.goto(url + "/actions");
    assert.match((await shown("a4").getByRole("timer").textContent()) ?? "", /\d:\d\d left$/);
    assert.deepEqual(await page.locator("[data-testid^=action-]").evaluateAll((l) => l.map((x) => x.dataset.testid)), ["action-a4", "action-a3", "action-a2", "action-a1"]);
    await shown("a4").getByText("2 of 3 pods available").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Approve/ }).count(), 1);
    await page.getByRole("link", { name: "Actions (2)" }).waitFor();
    await page.getByText("evil⟨U+202E⟩gnp", { exact: true }).waitFor();
    await page.getByText(/^not enough to compare: 3 past/).waitFor();
    await page.getByText(/^No longer done to deployment shop\/checkout: its last actions there did not help/).waitFor();
    assert.equal(await page.getByRole("button", { name: /^Begin there again/ }).count(), 1);
    await shown("a4").getByRole("button", { name: /^Approve/ }).click();
    await shown("a4").getByText("already approved by ann").waitFor();
    await shown("a3").getByRole("button", { name: /^It was not done/ }).click();
    await shown("a3").getByText("You looked, and it was not done").waitFor();
    await accessible(page, "/actions");
    await quiet();
    await page.setViewportSize({ width: 390, height: 800 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, "it scrolls sideways on a small screen");
    await page.setViewportSize({ width: 1360, height: 900 });
  });
  await check("actions are paused with a reason, in the dark", async () => {
    await scheme(true);
    await page.getByRole("button", { name: /^Pause all actions/ }).click();
    const form = page.getByRole("form", { name: /^Pause all actions/ });
    await form.getByRole("button", { name: "Pause all actions" }).click();
    await form.getByText("say why, so that others know").waitFor();
    await form.getByRole("textbox", { name: "Reason" }).fill("deploying");
    await accessible(page, "/actions, being paused");
    await form.getByRole("button", { name: "Pause all actions" }).click();
    await page.getByText("by ann: deploying").waitFor();
    assert.deepEqual(sent.splice(0), [{ why: "deploying" }]);
    await page.getByRole("button", { name: "Measured" }).click();
    await shown("a1").waitFor({ state: "detached" });
    assert.equal(new URL(page.url()).search, "?state=measured");
    world.playbooks.paused = "";
  });
  if (open && open.state !== "closed")
    await check("an incident shows its actions, every guard, and runs a playbook by hand", async () => {
      world.actions = world.actions.filter((a) => a.id === "a1" || a.id === "a2");
      await page.goto(url + "/incidents/" + encodeURIComponent(open.id));
      const card = page.getByTestId("remedy");
      await card.getByText("Would do nothing now: the model is young.").waitFor();
      await card.getByText("1 of 3 guards objects").click();
      await card.getByText("asked once the target is looked up:").waitFor();
      await card.getByRole("button", { name: /^Do it now/ }).click();
      await card.getByRole("checkbox", { name: /^grade/ }).check();
      await card.getByRole("textbox", { name: "Reason" }).fill("I know this host");
      await accessible(page, "an incident with actions, in the dark");
      await card.getByRole("textbox", { name: "Reason" }).press("Enter");
      await card.getByText("remedy.approvers in the configuration names who may act").waitFor();
      assert.deepEqual(sent.splice(0), [{ playbook: "restart-checkout", why: "I know this host", override: ["grade"] }]);
      await scheme(false);
      await accessible(page, "an incident with actions");
      await quiet();
    });
  for (const [path] of routes) await page.unroute(path);
}
