"""The style sheet of all our pages: one palette, light and dark, from 320 pixels up.

A page never scrolls sideways: texts break, figures shrink, and a wide table scrolls in its own
frame. The colours of figures are the same variables (``drawing.py``), so that figures follow the
page into the dark. All texts have a contrast of 4.5 or more to their ground (WCAG 2.2, 1.4.3).
"""

STYLESHEET = """\
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f5f6f8; --line: #d5d9df; --text: #1c222b; --muted: #59616d;
  --blue: #2f6db3; --pale: #a9c4e4; --orange: #c2571a; --grey: #838b97; --heat: #2a5c99;
  --under: var(--ground);
  --green: #2b7d6f; --plum: #8f4f86;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181d; --panel: #1d2127; --line: #363d47; --text: #e4e8ee; --muted: #a6aeba;
    --blue: #6ea6e4; --pale: #35557c; --orange: #ee9152; --grey: #8b94a1; --heat: #3a72b4;
    --green: #58b5a4; --plum: #c88abf;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--ground); color: var(--text); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header, main, nav.contents { max-width: 78rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
main { padding-bottom: 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 3rem 0 1rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; line-height: 1.35; margin: 2.25rem 0 .75rem; }
h4 { font-size: 1rem; line-height: 1.4; margin: 0 0 .5rem; }
p { max-width: 42rem; margin: .5rem 0 1rem; }
a { color: var(--blue); }
a:focus-visible, summary:focus-visible, .frame:focus-visible {
  outline: 2px solid var(--blue); outline-offset: 2px;
}
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--panel); }
figcaption { color: var(--muted); }
nav.contents ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0;
  padding: 0; list-style: none; }
nav.contents a { display: inline-block; padding: .15rem 0; }
.frame {  /* a shade at the right edge says that there is more */
  overflow-x: auto; max-width: 100%;
  background:
    linear-gradient(to left, var(--under) 50%, transparent) right top / 2rem 100% no-repeat local,
    linear-gradient(to left, var(--grey), transparent)
      right top / .4rem calc(100% - 2px) no-repeat scroll;
}
table { border-collapse: collapse; min-width: min(100%, 24rem); font-size: .9rem;
  line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem 1rem .3rem 0; text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: .25rem; }
thead > tr > * { border-bottom: 1px solid var(--grey); vertical-align: bottom; font-weight: 600; }
tbody th { font-weight: 400; min-width: 8.5rem; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tr.total > * { border-top: 1px solid var(--grey) !important; font-weight: 600; }
td { min-width: 6rem; }
.number { min-width: 0; text-align: right; white-space: nowrap; }
thead > tr > * { overflow-wrap: normal; }
thead .number { white-space: normal; }
figure { margin: 0 0 1.25rem; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: .9rem; margin: 0 0 .4rem; }
.grid { display: grid; gap: 1.5rem 2.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.grid > * { min-width: 0; margin-top: 0; }
.grid > .wide { grid-column: 1 / -1; }
@media (min-width: 78rem) {  /* a figure and one wide table stand side by side */
  .grid:has(> .wide:nth-child(2):last-child) {
    grid-template-columns: minmax(22rem, 1fr) minmax(0, max-content); }
  .grid > .wide:nth-child(2):last-child { grid-column: auto; }
}
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10.5rem), 1fr));
  gap: .75rem; margin: 1rem 0 1.5rem; }
dl > div { background: var(--panel); border-radius: .4rem; padding: .6rem .8rem; }
dt { color: var(--muted); font-size: .85rem; }
dd { margin: 0; font-size: 1.05rem; }
details { margin: .5rem 0 1rem; }
summary { cursor: pointer; padding: .2rem 0; }
.posts { display: grid; gap: 1rem; padding: 0; margin: 1rem 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.post { --under: var(--panel); min-width: 0; background: var(--panel); border-radius: .4rem;
  padding: 1rem; }
.post img { display: block; max-width: 100%; height: auto; border-radius: .25rem;
  margin: 0 0 .75rem; }
.post p { margin: 0 0 .5rem; }
.post figure { margin: .75rem 0 0; }
.post table { font-size: .82rem; }
.post th, .post td { padding-right: .6rem; }
.post tbody th { min-width: 5.5rem; }
.post td { min-width: 6.75rem; }
.post .number { min-width: 0; }
@media (max-width: 30rem) {
  table { font-size: .8rem; }
  th, td { padding-right: .6rem; }
  tbody th { min-width: 6rem; }
}
.small { font-size: .85rem; color: var(--muted); }
code { font-size: .9em; }
@media print {
  body { font-size: 11pt; }
  .posts, .grid { display: block; }
  figure, .post, tr { break-inside: avoid; }
  nav.contents, .skip { display: none; }
}
"""
