// Makes the pages quicker to use; without it they are forms and links. It asks for the same pages as
// a browser would and takes the changed parts out of them. Their policy lets no other script act.
"use strict";

const part = (id, page = document) => page.getElementById(id);

async function fetched(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
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
    if (asked !== newest || !part("results", page)) return;
    part("results").replaceWith(part("results", page));
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
      if (asked !== newest || !link.isConnected) return;
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

  function take(data) {
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
    if (take(event.clipboardData)) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = part("answer");
    answer.setAttribute("aria-busy", "true");
    try {
      const page = await fetched("/try", { method: "POST", body: new FormData(form) });
      answer.replaceChildren(...part("answer", page).childNodes);
    } finally {
      answer.removeAttribute("aria-busy");
    }
  });
}

// Crawl: what is shown is looked at again every two seconds.
function crawl() {
  setTimeout(async () => {
    try {
      const now = part("crawls", await fetched("/crawl"));
      if (now) part("crawls").replaceWith(now);
    } catch {
      // The server has ended, or is busy: the next look will tell.
    }
    crawl();
  }, 2000);
}

if (part("filter")) explore(part("filter"));
if (part("try")) attempt(part("try"));
if (part("crawls")) crawl();
