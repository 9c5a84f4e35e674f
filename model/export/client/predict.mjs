/* Answers texts and tags from the files of this folder in a browser, or in Node, as `predict` does.

   import * as ort from "onnxruntime-web";
   import * as tokenizers from "@huggingface/tokenizers";  // only for a folder with a tokenizer.json
   import { openNetwork } from "./predict.mjs";

   const read = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
   const network = await openNetwork(read, { ort, tokenizers });
   await network.answer({ text: "a <b>raw</b> description", tags: ["one", "two"] });

   A post has `text`, or `title` and `description`, raw, and `tags`, a list. Pictures are not read. The
   rules are those of reading/, which the project's own tests compare with this module. */

const SPACES = "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACE = new RegExp(`[${SPACES}]+`, "gu");
const splitWords = (text) => text.split(SPACE).filter(Boolean);

/* Characters by their names and numbers. */

const REFERENCE = /&(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|([^\t\n\f <&#;]{1,32};?))/g;
const REPLACEMENT = "\ufffd";
/* From 0x80 on, what Windows has there: Node's own decoder does not know. */
const OF_WINDOWS = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f"
  + "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";

function ofNumber(decimal, hexadecimal, keepsControls) {
  const number = decimal ? parseInt(decimal, 10) : parseInt(hexadecimal, 16);
  if (!(number > 0 && number <= 0x10ffff) || (number >= 0xd800 && number <= 0xdfff)) return REPLACEMENT;
  if (number >= 0x80 && number <= 0x9f) return OF_WINDOWS[number - 0x80];
  const isControl = number < 9 || number === 11 || (number > 13 && number < 32) || number === 127;
  const isNone = (number >= 0xfdd0 && number <= 0xfdef) || (number & 0xfffe) === 0xfffe;
  return !keepsControls && (isControl || isNone) ? "" : String.fromCodePoint(number);
}

function ofName(name, entities) {
  if (Object.hasOwn(entities, name)) return entities[name];
  for (let size = name.length - 1; size > 1; size--) {
    const start = name.slice(0, size);
    if (Object.hasOwn(entities, start)) return entities[start] + name.slice(size);
  }
  return `&${name}`;
}

const unescaped = (text, entities, keepsControls = false) =>
  text.replace(REFERENCE, (_, decimal, hexadecimal, name) =>
    name ? ofName(name, entities) : ofNumber(decimal, hexadecimal, keepsControls));

function unescapedValue(value, entities) {
  return value.replace(REFERENCE, (whole, decimal, hexadecimal, name, at) => {
    if (!name) return ofNumber(decimal, hexadecimal, true);
    const plain = ofName(name, entities);
    const isOpen = !name.endsWith(";");
    if (isOpen && (plain.length > 1 || value[at + whole.length] === "=" || name.includes("="))) return whole;
    return plain;
  });
}

/* The text of HTML: reading/datasets_rules_html_text.py. */

const BREAKS = /<(?=\/?(?:br|hr|p|div|pre|li|dt|dd|tr|td|th|h[1-6]|blockquote|ul|ol)(?![\p{L}\p{N}_]))/giu;
const TOKEN = /<!--(-?>|[^]*?(?:--!?>|$))|<(\/?)([A-Za-z][^\s/>]*)|<(?:[!?]|\/(?=[^>]))[^>]*(?:>|$)|<\/>/y;
const ATTRIBUTE = /[\s/]*(=?[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|((?!["'])[^\s>]*)))?/y;
const OPEN_QUOTE = /\s*=\s*["']/y;
const RAW = new Set(["script", "style", "xmp", "iframe", "noembed", "noframes"]);
const WITH_REFERENCES = new Set(["textarea", "title"]);
const UNSEEN = new Set(["script", "style", "template"]);
const OF_HEAD = new Set(["html", "head", "base", "basefont", "bgsound", "link", "meta", "noframes",
  "script", "style", "template", "title"]);

function urlShown(url, text) {
  const shown = text.trim().replace(/\.\.\.$/, "").toLowerCase();
  const scheme = /^https?:\/\//i.exec(url);
  if (!scheme || !shown.includes(".") || splitWords(url).length > 1) return null;
  const whole = url.toLowerCase();
  return whole.startsWith(shown) || whole.slice(scheme[0].length).startsWith(shown) ? url : null;
}

class HtmlReader {
  constructor(document, entities) {
    Object.assign(this, { document, entities, at: 0, hasBody: false, parts: [], link: null });
  }

  text() {
    while (this.at < this.document.length) {
      const start = this.document.indexOf("<", this.at);
      this.add(this.document.slice(this.at, start < 0 ? undefined : start));
      if (start < 0) break;
      this.at = start;
      this.readToken();
    }
    this.endLink();
    return this.parts.join("");
  }

  add(characters) {
    const text = unescaped(characters.replaceAll("\0", ""), this.entities, true);
    this.hasBody ||= /[^\t\n\f\r ]/.test(text);
    this.parts.push(text);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.document);
  }

  readToken() {
    const token = this.match(TOKEN);
    if (!token) {
      this.add("<");
      this.at += 1;
      return;
    }
    this.at += token[0].length;
    const name = (token[3] ?? "").toLowerCase();
    if (!name) return;
    const href = this.readAttributes();
    if (href === undefined) return;
    if (!token[2]) {
      this.start(name, href);
      return;
    }
    if (name === "a") this.endLink();
    this.hasBody ||= ["body", "html", "br", "p"].includes(name);
  }

  /* Reads to the end of a tag; returns its address, null without one, undefined if it does not end. */
  readAttributes() {
    let href = null;
    for (;;) {
      const found = this.match(ATTRIBUTE);
      const end = this.at + found[0].length;
      if (this.document[end] !== ">") {
        OPEN_QUOTE.lastIndex = end;
        if (end === this.at || end === this.document.length || OPEN_QUOTE.test(this.document)) {
          this.at = this.document.length;
          return undefined;
        }
      }
      if (found[1].toLowerCase() === "href" && href === null) {
        href = unescapedValue(found[2] ?? found[3] ?? found[4] ?? "", this.entities);
      }
      this.at = end;
      if (this.document[end] === ">") {
        this.at += 1;
        return href;
      }
    }
  }

  start(name, href) {
    if (name === "frameset" && !this.hasBody) {
      Object.assign(this, { at: this.document.length, parts: [] });
      return;
    }
    this.hasBody ||= !OF_HEAD.has(name);
    if (name === "a") {
      this.endLink();
      if (href !== null) this.link = { url: href, start: this.parts.length };
    } else if (name === "plaintext") {
      this.parts.push(this.document.slice(this.at).replaceAll("\0", REPLACEMENT));
      this.at = this.document.length;
    } else if (RAW.has(name) || WITH_REFERENCES.has(name) || name === "template") {
      let content = this.content(name);
      if (UNSEEN.has(name) || !this.hasBody) return;
      content = content.replaceAll("\0", REPLACEMENT);
      if (WITH_REFERENCES.has(name)) content = unescaped(content, this.entities, true);
      this.parts.push(name === "textarea" ? content.replace(/^\n/, "") : content);
    }
  }

  content(name) {
    const pattern = new RegExp(`</${name}(?=[\\s/>])`, "gi");
    const end = this.match(pattern);
    const content = this.document.slice(this.at, end ? end.index : undefined);
    this.at = end ? end.index + end[0].length : this.document.length;
    if (end) this.readAttributes();
    return content;
  }

  endLink() {
    if (!this.link) return;
    const { url, start } = this.link;
    this.link = null;
    const shown = urlShown(url, this.parts.slice(start).join(""));
    if (shown) this.parts.splice(start, Infinity, shown);
  }
}

/* Texts, words and tags: reading/datasets_rules_text.py and reading/harvest_flickr_tags.py. */

const INVISIBLE = /[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;
const ENTITY_LIKE = /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g;
const URL_IN_TEXT = new RegExp(`(?:https?://|(?<![\\p{L}\\p{N}_])www\\.(?=[\\p{L}\\p{N}_]))[^${SPACES}]*`, "giu");
const WORD = new RegExp(`[\\p{L}\\p{N}](?:[^${SPACES}]*[\\p{L}\\p{N}])?(?:(?![\\ufe00-\\ufe0f])[\\p{Mn}\\p{Mc}])*`, "gu");
const PLAIN_WORD = new RegExp(`[\\p{L}\\p{N}](?:[^${SPACES}]*[\\p{L}\\p{N}])?`, "gu");
const MACHINE_TAG = /^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*=/;

export function clean(fragment, entities) {
  let text = fragment;
  if (/[<&]/.test(text)) {
    const whole = text.replace(/[\ud800-\udfff]/gu, "").replace(BREAKS, " <");
    text = unescaped(new HtmlReader(whole, entities).text(), entities);
  }
  text = splitWords(text).join(" ").replaceAll("\u200b", " ").replace(INVISIBLE, "");
  text = splitWords(text).join(" ").normalize("NFC");
  if (/[<&]/.test(text)) {
    text = text.replace(/<(?=[A-Za-z/!?])/g, "< ");
    text = text.replace(ENTITY_LIKE, (whole, inner) =>
      unescaped(whole, entities) === whole ? whole : `& ${inner}`);
  }
  return text;
}

export function words(text) {
  let lower = text.toLowerCase().replace(URL_IN_TEXT, " ");
  if (/^[\x00-\x7f]*$/.test(lower)) return lower.match(PLAIN_WORD) ?? [];
  lower = lower.normalize("NFC").replaceAll("\u2019", "'");
  return lower.match(WORD) ?? [];
}

function normalForm(raw) {
  const stays = (character) =>
    character <= "\x7f" ? /[\p{L}\p{N}\p{S}]/u.test(character)
      : !/[\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cf}\p{Cs}]/u.test(character) || "\u200c\u200d".includes(character);
  return [...raw.toLowerCase().normalize("NFC")].filter(stays).join("").normalize("NFC");
}

function byCodePoint(one, other) {
  const [a, b] = [[...one], [...other]];
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = a[at].codePointAt(0) - b[at].codePointAt(0);
    if (difference) return difference;
  }
  return a.length - b.length;
}

export function normaliseTags(raw) {
  const plain = raw.filter((tag) => !MACHINE_TAG.test(tag.trim().replace(/^#+/, "").toLowerCase()));
  return [...new Set(plain.map(normalForm).filter(Boolean))].sort(byCodePoint);
}

/* The lexicon: vader/vaderSentiment.py. */

const NEGATION = -0.74;
const CAPITALS = 0.733;
const PUNCTUATION = /^[!-/:-@[-`{-~]+|[!-/:-@[-`{-~]+$/g;
const isUpper = (word) => word === word.toUpperCase() && word !== word.toLowerCase();
const sign = (value, amount) => (value > 0 ? value + amount : value - amount);

function rounded(value, digits) {
  const [near, factor] = [Number(value.toFixed(digits)), 10 ** digits];
  // Only sixteenths and thirty-seconds can lie exactly between; Python then takes the even one.
  const isTie = Number.isInteger(value * 2 ** (digits + 1)) && (value * factor) % 1 === 0.5;
  return isTie ? (2 * Math.round((value * factor) / 2)) / factor : near;
}

export class Lexicon {
  constructor({ lexicon, emojis, negations, boosters, specialCases }) {
    const map = (object) => new Map(Object.entries(object));
    Object.assign(this, { lexicon: map(lexicon), emojis: map(emojis), boosters: map(boosters) });
    Object.assign(this, { specialCases: map(specialCases), negations: new Set(negations) });
  }

  scores(text) {
    let plain = "";
    let isAfterSpace = true;
    for (const character of text) {
      if (this.emojis.has(character)) {
        plain += (isAfterSpace ? "" : " ") + this.emojis.get(character);
        isAfterSpace = false;
      } else {
        plain += character;
        isAfterSpace = character === " ";
      }
    }
    plain = splitWords(plain).join(" ");
    const items = splitWords(plain).map((token) => {
      const stripped = token.replace(PUNCTUATION, "");
      return [...stripped].length <= 2 ? token : stripped;
    });
    const lower = items.map((item) => item.toLowerCase());
    const upper = items.filter(isUpper).length;
    const differs = upper > 0 && upper < items.length;
    const sentiments = items.map((item, i) => this.valence(items, lower, i, differs));
    this.checkBut(lower, sentiments);
    return this.summary(sentiments, plain);
  }

  valence(items, lower, i, differs) {
    if (this.boosters.has(lower[i]) || (lower[i] === "kind" && lower[i + 1] === "of")) return 0;
    if (!this.lexicon.has(lower[i])) return 0;
    let valence = this.lexicon.get(lower[i]);
    if (lower[i] === "no" && i < items.length - 1 && this.lexicon.has(lower[i + 1])) valence = 0;
    if (lower[i - 1] === "no" || lower[i - 2] === "no"
      || (lower[i - 3] === "no" && ["or", "nor"].includes(lower[i - 1]))) {
      valence = this.lexicon.get(lower[i]) * NEGATION;
    }
    if (isUpper(items[i]) && differs) valence = sign(valence, CAPITALS);
    for (let back = 0; back < 3; back++) {
      if (i <= back || this.lexicon.has(lower[i - back - 1])) continue;
      valence += this.boost(items[i - back - 1], valence, differs) * [1, 0.95, 0.9][back];
      valence = this.checkNegation(valence, lower, back, i);
      if (back === 2) valence = this.checkIdioms(valence, lower, i);
    }
    const isLeast = lower[i - 1] === "least" && !this.lexicon.has("least");
    return isLeast && !(i > 1 && ["at", "very"].includes(lower[i - 2])) ? valence * NEGATION : valence;
  }

  boost(word, valence, differs) {
    if (!this.boosters.has(word.toLowerCase())) return 0;
    const scalar = this.boosters.get(word.toLowerCase()) * (valence < 0 ? -1 : 1);
    if (!isUpper(word) || !differs) return scalar;
    return valence > 0 ? scalar + CAPITALS : scalar - CAPITALS;
  }

  checkNegation(valence, lower, back, i) {
    const isNegated = this.negations.has(lower[i - back - 1]) || lower[i - back - 1].includes("n't");
    const [one, two, three] = [lower[i - 1], lower[i - 2], lower[i - 3]];
    const isSo = (word) => word === "so" || word === "this";
    if (back === 1) {
      if (two === "never" && isSo(one)) return valence * 1.25;
      if (two === "without" && one === "doubt") return valence;
    }
    if (back === 2) {
      if ((three === "never" && isSo(two)) || isSo(one)) return valence * 1.25;
      if (three === "without" && (two === "doubt" || one === "doubt")) return valence;
    }
    return isNegated ? valence * NEGATION : valence;
  }

  checkIdioms(valence, lower, i) {
    const join = (from, to) => lower.slice(i - from, i - to + 1).join(" ");
    const before = [join(1, 0), join(2, 0), join(2, 1), join(3, 1), join(3, 2)];
    const found = before.find((phrase) => this.specialCases.has(phrase));
    let result = found === undefined ? valence : this.specialCases.get(found);
    for (const size of [2, 3]) {
      const phrase = lower.slice(i, i + size).join(" ");
      if (i + size <= lower.length && this.specialCases.has(phrase)) result = this.specialCases.get(phrase);
    }
    for (const phrase of [join(3, 1), join(3, 2), join(2, 1)]) {
      result += this.boosters.get(phrase) ?? 0;
    }
    return result;
  }

  checkBut(lower, sentiments) {
    const but = lower.indexOf("but");
    if (but < 0) return;
    for (let at = 0; at < sentiments.length; at++) {
      const place = sentiments.indexOf(sentiments[at]);  // of the first equal one, as VADER does
      if (place !== but) sentiments[place] *= place < but ? 0.5 : 1.5;
    }
  }

  summary(sentiments, text) {
    if (!sentiments.length) return { neg: 0, neu: 0, pos: 0, compound: 0 };
    const marks = Math.min(text.split("!").length - 1, 4) * 0.292;
    const questions = text.split("?").length - 1;
    const emphasis = marks + (questions > 3 ? 0.96 : questions > 1 ? questions * 0.18 : 0);
    let sum = sentiments.reduce((total, value) => total + value, 0);
    if (sum) sum += sum > 0 ? emphasis : -emphasis;
    const compound = Math.max(-1, Math.min(1, sum / Math.sqrt(sum * sum + 15)));
    let pos = sentiments.reduce((total, value) => (value > 0 ? total + value + 1 : total), 0);
    let neg = sentiments.reduce((total, value) => (value < 0 ? total + value - 1 : total), 0);
    const neu = sentiments.filter((value) => value === 0).length;
    if (pos > Math.abs(neg)) pos += emphasis;
    if (pos < Math.abs(neg)) neg -= emphasis;
    const total = pos + Math.abs(neg) + neu;
    const share = (value) => rounded(Math.abs(value / total), 3);
    return { neg: share(neg), neu: share(neu), pos: share(pos), compound: rounded(compound, 4) };
  }
}

/* The network. */

class Network {
  constructor(read, described, parts) {
    Object.assign(this, { read, described, ...parts, sessions: new Map() });
    this.classes = described.classes;
  }

  /* Returns {subset, label, probabilities}; throws an Error for a post that cannot be answered. */
  async answer({ text = null, title = null, description = null, tags = null }) {
    const entities = this.entities;
    const fragments = text !== null ? [text] : [title ?? "", description ?? ""];
    const cleaned = fragments.map((fragment) => clean(fragment, entities)).filter(Boolean).join(" ");
    const post = { words: words(cleaned), text: cleaned, tags: normaliseTags(tags ?? []) };
    const held = [...(post.words.length ? ["text"] : []), ...(post.tags.length ? ["tags"] : [])];
    const subset = Object.keys(this.described.files)
      .findLast((name) => name.split("+").every((modality) => held.includes(modality)));
    if (!subset) {
      throw new Error(`the post has ${held.join(" and ") || "no modality"}, which the run does not answer`);
    }
    const file = this.described.files[subset];
    const feeds = {};
    for (const name of file.inputs) feeds[name] = await this.input(name, post);
    const found = await (await this.session(file.file)).run(feeds);
    const probabilities = [...found[file.output].data];
    const label = this.classes[probabilities.indexOf(Math.max(...probabilities))];
    return { subset, label, probabilities: Object.fromEntries(this.classes.map((name, i) => [name, probabilities[i]])) };
  }

  async input(name, post) {
    const how = this.described.inputs[name];
    if (name === "words") {
      const ids = post.words.slice(0, how.most).map((word) => this.wordIds.get(word) ?? how.unknown);
      return this.integers(ids);
    }
    if (name === "tags") {
      const ids = [...new Set(post.tags.map((tag) => this.tagIds.get(tag) ?? how.unknown))];
      const known = ids.filter((id) => id !== how.unknown).sort((a, b) => a - b);
      return this.integers([...known, ...ids.filter((id) => id === how.unknown)].slice(0, how.most));
    }
    const words = splitWords(post.text).slice(0, how.most_words);
    const tags = post.tags.slice(0, how.most_words);
    const marked = tags.map((tag) => `#${tag}`);
    const ofText = name === "text_features";
    const alone = [(ofText ? words : tags).join(" ")];
    // The encoder that the run has trained reads a text with its tags too.
    const together = ofText ? [...alone, marked.length ? [...words, ...marked].join(" ") : ""]
      : [marked.join(" "), ""];
    const features = [];
    for (const reader of this.described.readers) {
      for (const text of reader.together ? together : alone) {
        features.push(...(text ? await this.features(reader, text) : Array(reader.dimension).fill(0)));
      }
    }
    return new this.ort.Tensor("float32", Float32Array.from(features), [1, features.length]);
  }

  async features(reader, text) {
    if (reader.kind === "lexicon") {
      const scores = this.lexicon.scores(text);
      return reader.scores.map((name) => scores[name]);
    }
    const { ids, attention_mask: mask } = this.tokenizers.get(reader.tokenizer).encode(text);
    const most = reader.most_tokens;
    const missing = reader.pads_to_most ? Math.max(0, most - ids.length) : 0;
    const cut = (values) => values.length > most ? [...values.slice(0, most - 1), values.at(-1)] : values;
    const padded = (values, padding) => this.integers([...cut(values), ...Array(missing).fill(padding)]);
    const session = await this.session(reader.file);
    const feeds = { input_ids: padded(ids, reader.padding) };
    if (reader.inputs.includes("attention_mask")) {
      feeds.attention_mask = padded(mask, 0);
    }
    const found = await session.run(feeds);
    return found[reader.output].data;
  }

  integers(values) {
    return new this.ort.Tensor("int64", BigInt64Array.from(values.map(BigInt)), [1, values.length]);
  }

  async session(name) {
    if (!this.sessions.has(name)) {
      this.sessions.set(name, await this.ort.InferenceSession.create(await this.read(name)));
    }
    return this.sessions.get(name);
  }
}

/* Opens an export. `read` returns a file's bytes by its name, as a promise. */
export async function openNetwork(read, { ort, tokenizers = null }) {
  const json = async (name) => JSON.parse(new TextDecoder().decode(await read(name)));
  const described = await json("preprocessing.json");
  const vocabulary = await json("vocabulary.json");
  const parts = { ort, entities: await json("entities.json") };
  parts.tokenizers = new Map();
  parts.wordIds = new Map(Object.entries(vocabulary.words));
  parts.tagIds = new Map(Object.entries(vocabulary.tags));
  for (const reader of described.readers) {
    if (reader.kind === "lexicon") parts.lexicon = new Lexicon(await json(reader.tables));
    if (reader.kind === "sentences") {
      if (!tokenizers) throw new Error("this folder has a tokenizer.json: give @huggingface/tokenizers");
      parts.tokenizers.set(
        reader.tokenizer,
        new tokenizers.Tokenizer(await json(reader.tokenizer), {}),
      );
    }
  }
  return new Network(read, described, parts);
}
