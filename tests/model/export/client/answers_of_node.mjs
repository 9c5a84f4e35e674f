// Answers the posts of a file of JSON lines with an export, as a page in a browser would.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web";
import * as tokenizers from "@huggingface/tokenizers";

ort.env.wasm.numThreads = 1;
const [folder, posts] = process.argv.slice(2);
const { openNetwork } = await import(pathToFileURL(`${folder}/predict.mjs`));
const read = async (name) => new Uint8Array(readFileSync(`${folder}/${name}`));
const network = await openNetwork(read, { ort, tokenizers });
for (const line of readFileSync(posts, "utf8").split("\n").filter(Boolean)) {
  const post = JSON.parse(line);
  const answer = await network.answer(post).catch((error) => ({ error: error.message }));
  console.log(JSON.stringify({ photo_id: post.photo_id, ...answer }));
}
