// Runs an ONNX model with onnxruntime. Standard input is one JSON object:
// model (base64), rows, width, x (numbers or null for NaN), mask (numbers or
// null). Standard output is the model's outputs, each a flat list by name.
import * as ort from "onnxruntime-web";

let text = "";
for await (const part of process.stdin) text += part;
const job = JSON.parse(text);
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const session = await ort.InferenceSession.create(Buffer.from(job.model, "base64"));
const shape = [job.rows, job.width];
const feeds = { x: new ort.Tensor("float64", Float64Array.from(job.x, (v) => v ?? NaN), shape) };
if (job.mask) feeds.mask = new ort.Tensor("float32", Float32Array.from(job.mask), shape);
const answer = await session.run(feeds);
const out = {};
for (const name of session.outputNames) out[name] = Array.from(answer[name].data);
process.stdout.write(JSON.stringify(out));
