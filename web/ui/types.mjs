// Writes src/api.gen.ts: a type for each schema of the API's document.
import { readFileSync, writeFileSync } from "node:fs";

const read = new URL("../../api/openapi.json", import.meta.url), write = new URL("src/api.gen.ts", import.meta.url);
const { schemas } = JSON.parse(readFileSync(read, "utf8")).components;

function type(s) {
  if (s.$ref) return s.$ref.split("/").pop();
  if (s.oneOf) return s.oneOf.map(type).join(" | ");
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

writeFileSync(write, "// Written by types.mjs from api/openapi.json.\n" + Object.entries(schemas).map(declaration).join("\n"));
