// Makes the pages quicker to use; without it they are forms and links. It asks for the same pages as
// a browser would and takes the changed parts out of them. Their policy lets no other script act.
"use strict";

const part = (id, page = document) => page.getElementById(id);

// Returns the page at an address; where the server has ended, one that says so.
async function fetched(address, options = {}) {
  let text = "<main id=content><p role=alert>The server does not answer: start it again.</p></main>";
  try {
    text = await (await fetch(address, { credentials: "same-origin", ...options })).text();
  } catch {
    // The browser says why in its own words.
  }
  return new DOMParser().parseFromString(text, "text/html");
}

// Puts a part of another page in the place of ours; what is wrong is shown where the part would be.
function take(id, page) {
  const found = part(id, page) ?? part("content", page);
  part(id).replaceChildren(...found.childNodes);
  part(id).removeAttribute("aria-busy");
}

// Explore: the posts follow the filter while it is changed, and more come as one scrolls.
function explore(form) {
  let newest = 0;
  let waiting;

  async function follow() {
    const asked = ++newest;
    const chosen = [...new FormData(form)].filter(([, value]) => value !== "");
    const address = "/explore?" + new URLSearchParams(chosen);
    part("results").setAttribute("aria-busy", "true");
    const page = await fetched(address);
    if (asked !== newest) return;
    take("results", page);
    if (!part("filter", page)) return;
    for (const select of form.querySelectorAll("select")) {
      const value = select.value;
      select.replaceChildren(...part("filter", page).elements[select.name].children);
      select.value = value;
    }
    history.replaceState(null, "", address);
    watch();
  }

  function watch() {
    const link = part("more");
    if (!link) return;
    new IntersectionObserver(async ([seen], observer) => {
      if (!seen.isIntersecting) return;
      observer.disconnect();
      const asked = newest;
      const page = await fetched(link.href);
      if (asked !== newest || !link.isConnected || !part("posts", page)) return;
      part("posts").append(...part("posts", page).children);
      const next = part("more", page);
      if (next) link.replaceWith(next);
      else link.parentElement.remove();
      watch();
    }, { rootMargin: "600px" }).observe(link);
  }

  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(follow, event.target.type === "text" ? 200 : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    follow();
  });
  watch();
}

// Try: a picture can be dropped or pasted, and the answer comes beside the form.
function attempt(form) {
  const input = part("image");
  const preview = part("preview");
  const drop = part("drop");

  const own = preview.getAttribute("src");

  function show() {
    URL.revokeObjectURL(preview.src);
    const [file] = input.files;
    preview.hidden = !file && !own;
    if (file) preview.src = URL.createObjectURL(file);
    else if (own) preview.src = own;
    else preview.removeAttribute("src");
  }

  function give(data) {
    const file = [...(data?.files ?? [])].find((it) => it.type.startsWith("image/"));
    if (!file) return false;
    const given = new DataTransfer();
    given.items.add(file);
    input.files = given.files;
    show();
    return true;
  }

  input.addEventListener("change", show);
  document.addEventListener("paste", (event) => {
    if (give(event.clipboardData)) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    give(event.dataTransfer);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    part("answer").setAttribute("aria-busy", "true");
    take("answer", await fetched("/try", { method: "POST", body: new FormData(form) }));
  });
}

// Crawl: what is shown is looked at again every two seconds.
function crawl() {
  setTimeout(async () => {
    take("crawls", await fetched("/crawl"));
    crawl();
  }, 2000);
}

if (part("filter")) explore(part("filter"));
if (part("try")) attempt(part("try"));
if (part("crawls")) crawl();
