// Formulas that are wider than a phone scroll; a keyboard has to reach them.
addEventListener("load", () => {
  window.MathJax?.startup?.promise?.then(() => {
    for (const formula of document.querySelectorAll("mjx-container[display='true']")) formula.tabIndex = 0;
  });
});
