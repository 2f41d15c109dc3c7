// Writes src/api.gen.ts: a type for each schema of the API's document, and for the
// query of each operation that takes one.
import { readFileSync, writeFileSync } from "node:fs";

const read = new URL("../../api/openapi.json", import.meta.url), write = new URL("src/api.gen.ts", import.meta.url);
const { components: { schemas }, paths } = JSON.parse(readFileSync(read, "utf8"));

function type(s) {
  if (s.$ref) return s.$ref.split("/").pop();
  if (s.oneOf ?? s.anyOf) return (s.oneOf ?? s.anyOf).map(type).join(" | ");
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (Array.isArray(s.type)) return s.type.map((t) => type({ ...s, type: t })).join(" | ");
  switch (s.type) {
    case "integer": return "number";
    case "array": return s.items.$ref ? `${type(s.items)}[]` : `(${type(s.items)})[]`;
    case "object": return `Record<${s.propertyNames ? type(s.propertyNames) : "string"}, ${s.additionalProperties ? type(s.additionalProperties) : "unknown"}>`;
    default: return s.type;
  }
}

function declaration([name, s]) {
  if (!s.properties) return `export type ${name} = ${type(s)};\n`;
  const field = ([key, p]) => `${p.description ? `  /** ${p.description} */\n` : ""}  ${key}${s.required.includes(key) ? "" : "?"}: ${type(p)};\n`;
  return `export interface ${name} {\n${Object.entries(s.properties).map(field).join("")}}\n`;
}

function query(op) {
  const fields = op.parameters?.filter((p) => p.in === "query") ?? [];
  if (!fields.length) return [];
  const field = (p) => `  /** ${p.description}${p.schema.default === undefined ? "" : ` [${p.schema.default}]`} */\n  ${p.name}?: ${type(p.schema)};\n`;
  return [`/** ${op.summary} */\nexport interface ${op.operationId[0].toUpperCase()}${op.operationId.slice(1)}Query {\n${fields.map(field).join("")}}\n`];
}

const queries = Object.values(paths).flatMap((path) => Object.values(path)).flatMap(query);
writeFileSync(write, "// Written by types.mjs from api/openapi.json.\n" + [...Object.entries(schemas).map(declaration), ...queries].join("\n"));
