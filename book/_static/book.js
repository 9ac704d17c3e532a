// Formulas and tables scroll where they are wider than a phone. A keyboard has to reach them, a table says what it is,
// and its edge fades where it goes on.
function reach() {
  for (const table of document.querySelectorAll(".cell_output .text_html, .pst-scrollable-table-container")) {
    const scrolls = table.scrollWidth > table.clientWidth;
    if (scrolls) {
      const caption = table.closest("figure")?.querySelector("figcaption") ?? table.querySelector("caption");
      const name = caption?.querySelector(".caption-number")?.textContent.trim() ?? "Table";
      Object.assign(table, { tabIndex: 0, role: "region", ariaLabel: `${name}, scrolls sideways` });
      table.onscroll = () => {
        table.classList.toggle("goes-on", table.scrollLeft + table.clientWidth < table.scrollWidth - 1);
      };
      table.onscroll();
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) table.removeAttribute(name);
      table.classList.remove("goes-on");
    }
  }
  for (const formula of document.querySelectorAll("mjx-container[display='true']")) formula.tabIndex = 0;
}
addEventListener("load", () => {
  reach();
  window.MathJax?.startup?.promise?.then(reach);
});
addEventListener("resize", reach);

// Words of the glossary say what they mean: under the pointer, on focus, at the first tap. A second tap follows the link.
addEventListener("DOMContentLoaded", () => {
  let shown = null; // the word whose note is open
  const noteOf = (word) => document.getElementById(word.getAttribute("aria-describedby"));

  function place() {
    const note = noteOf(shown);
    const line = [...shown.getClientRects()].at(-1); // a word in two lines has two
    const room = document.documentElement.clientWidth - note.offsetWidth - 8;
    const below = line.bottom + note.offsetHeight + 8 < innerHeight;
    note.style.left = `${Math.max(8, Math.min(line.left, room))}px`;
    note.style.top = `${below ? line.bottom + 4 : line.top - note.offsetHeight - 4}px`;
  }
  function hide() {
    if (shown) noteOf(shown).hidden = true;
    shown = null;
  }
  function show(word) {
    if (shown !== word) hide();
    shown = word;
    noteOf(word).hidden = false;
    place();
  }

  for (const [number, word] of document.querySelectorAll("a.word").entries()) {
    const note = document.createElement("span");
    Object.assign(note, { id: `definition-${number}`, className: "definition", textContent: word.dataset.definition, hidden: true });
    note.setAttribute("role", "tooltip");
    word.setAttribute("aria-describedby", note.id);
    word.after(note);

    let leaving, tapped;
    for (const part of [word, note]) { // the pointer may go on to the note
      part.addEventListener("mouseenter", () => { clearTimeout(leaving); show(word); });
      part.addEventListener("mouseleave", () => {
        leaving = setTimeout(() => { if (shown === word && document.activeElement !== word) hide(); }, 200);
      });
    }
    word.addEventListener("pointerdown", (event) => { tapped = event.pointerType !== "mouse" && shown !== word; });
    word.addEventListener("focus", () => show(word));
    word.addEventListener("blur", () => { if (shown === word) hide(); });
    word.addEventListener("click", (event) => {
      if (tapped) event.preventDefault();
      tapped = false;
    });
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("pointerdown", (event) => { if (shown && ![shown, noteOf(shown)].includes(event.target)) hide(); });
  addEventListener("scroll", () => { if (shown) place(); }, { passive: true });
});

// On paper: light, with every output that is folded on the screen, and the solutions of exercises; other folded code stays out.
addEventListener("beforeprint", () => {
  const page = document.documentElement;
  page.dataset.themeOnScreen = page.dataset.theme;
  page.dataset.theme = "light";
  for (const fold of document.querySelectorAll("article details:not([open])")) {
    const onlyCode = fold.querySelector(".cell_input") && !fold.querySelector(".cell_output");
    const solves = fold.querySelector("summary")?.textContent.includes("Solution");
    if (onlyCode && !solves) continue;
    fold.open = true;
    fold.dataset.foldedOnScreen = solves ? "solution" : "";
  }
});
addEventListener("afterprint", () => {
  const page = document.documentElement;
  page.dataset.theme = page.dataset.themeOnScreen;
  for (const fold of document.querySelectorAll("[data-folded-on-screen]")) {
    fold.open = false;
    delete fold.dataset.foldedOnScreen;
  }
});
