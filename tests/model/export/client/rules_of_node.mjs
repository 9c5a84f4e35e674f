// Prints what the rules of predict.mjs make of texts, tags and words of a lexicon.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, cases] = process.argv.slice(2);
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const { clean, words, normaliseTags, Lexicon } = await import(pathToFileURL(`${folder}/predict.mjs`));
const entities = json(`${folder}/entities.json`);
const lexicon = new Lexicon(json(`${folder}/vader/tables.json`));
const given = json(cases);
console.log(JSON.stringify({
  texts: given.texts.map((text) => clean(text, entities)),
  words: given.texts.map((text) => words(clean(text, entities))),
  tags: given.tags.map(normaliseTags),
  scores: given.phrases.map((text) => lexicon.scores(text)),
}));
