import { useComputedColorScheme } from "@mantine/core";
import { useRef } from "react";
import type uPlot from "uplot";
import { nearby, type Both } from "../compare";
import { value } from "../format";
import { arrows, axes, drawPin, heightOf, ink, nearest, shared, tip, usePlot } from "./Chart";
import { useAxis } from "./Time";

/** One feature of two hosts, or of one at two times: the first with what was expected of it, the second dashed; of a group its range is shaded. */
export function Overlay({ both, names, unit, label }: { both: Both; names: [string, string]; unit: string; label: string }) {
  const axis = useAxis(), held = useRef(axis), latest = useRef(both);
  held.current = axis;
  latest.current = both;
  const dark = useComputedColorScheme("light") === "dark", c = ink(dark), common = shared(() => held.current), height = heightOf(axis, 130);
  const none = both.times.map(() => null);
  const data: uPlot.AlignedData = [both.times, both.upper, both.lower, both.a, both.b, both.high ?? none, both.low ?? none];
  const says = (i: number) => [nearby(latest.current.a, i), nearby(latest.current.b, i)].flatMap((v, n) => (v === undefined ? [] : [`${names[n]} ${value(v, unit)}`]));
  const box = usePlot((width) => ({
    width, height, cursor: { ...common.cursor, points: { show: false } }, legend: { show: false },
    scales: { x: { range: () => [held.current.from, held.current.to] }, y: { range: (_u, min, max) => { const pad = (max - min || Math.abs(max) || 1) * 0.12; return [min >= 0 ? Math.max(0, min - pad) : min - pad, max + pad]; } } },
    axes: axes(c, (v) => value(v, unit), 66),
    series: [{}, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } },
      { stroke: c.line, width: 1.6, points: { show: false } }, { stroke: c.other, width: 1.8, dash: [6, 4], points: { show: false } },
      { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } }],
    bands: [{ series: [1, 2], fill: c.band }, { series: [5, 6], fill: c.range }],
    hooks: { draw: [(u) => drawPin(u, held.current.at, c.pin)] },
    plugins: [common.plugin, tip(says)],
  }), data, `${dark}${unit}${names.join("|")}${height}`);
  const pinned = axis.at && both.times.length ? `; pinned: ${says(nearest(both.times, axis.at)).join(", ")}` : "";
  return <div ref={box} role="img" tabIndex={0} onKeyDown={arrows(both.times, axis)} aria-label={label + pinned} style={{ minHeight: height }} />;
}
