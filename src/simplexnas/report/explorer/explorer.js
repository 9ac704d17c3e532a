// The explorer: S -> logits -> architecture, in the page. `simplexnasModel` needs no page, so that tests run it in Node.
"use strict";

function simplexnasModel(data) {
  const k = data.operations.length, edges = data.bias.length;
  const half = edges / 2;

  // alpha_em(S) = bias_em - slope_em * S_m: row by row, (E, k).
  function logits(S) {
    return data.bias.map((row, e) => row.map((bias, m) => bias - data.slope[e][m] * S[m]));
  }

  // The operation with the largest logit on every edge; of equal ones the first.
  function architecture(S) {
    return logits(S).map((row) => row.reduce((best, value, m) => (value > row[best] ? m : best), 0));
  }

  function total(table, choice) {
    return choice.reduce((sum, m, e) => sum + table[e][m], 0);
  }

  // Milliseconds by the latency table: what each edge runs, and once for each node what its edges share.
  function predictedTime(choice) {
    const { slope, intercept, base, edge, source } = data.time;
    const used = new Set(choice.map((m, e) => [e < half ? 0 : 1, data.edges[e % half][1], m].join()));
    let sum = base + total(edge, choice);
    for (const key of used) {
      const [type, node, m] = key.split(",").map(Number);
      sum += source[type][node][m];
    }
    return slope * sum + intercept;
  }

  function sizes(choice) {
    const edgeParameters = total(data.parameters, choice);
    return {
      edgeParameters,
      totalParameters: edgeParameters + data.fixed.parameters,
      macs: total(data.macs, choice) + data.fixed.macs,
      time: data.time ? predictedTime(choice) : null,
    };
  }

  // Three finite numbers from 0 with sum 1 within 0.01, as the library takes them, divided by their sum; else null.
  function parse(values) {
    const S = values.map(Number);
    const sum = S.reduce((a, b) => a + b, 0);
    const good = S.length === k && S.every((x) => Number.isFinite(x) && x >= 0) && Math.abs(sum - 1) <= 0.01 + 1e-9;
    return good ? S.map((x) => x / sum) : null;
  }

  const percent = (x) => (100 * x).toFixed(1) + " %";
  const members = new Map(data.members.map((member, number) => [member.choice, number]));

  // Accuracy at S: of this very architecture if it was measured, else of the nearest S of the lattice.
  function accuracy(S, choice) {
    const own = members.get(choice.join(""));
    if (own !== undefined) return { measured: true, member: own, S, text: percent(data.members[own].test) };
    let nearest = 0, least = Infinity;
    data.lattice.forEach((point, number) => {
      const distance = point.reduce((sum, x, m) => sum + (x - S[m]) ** 2, 0);
      if (distance < least) [nearest, least] = [number, distance];
    });
    const member = data.memberOf[nearest];
    return { measured: false, member, S: data.lattice[nearest], text: "≈ " + percent(data.members[member].test) };
  }

  // Whether a network keeps limits such as { edgeParameters: 30000, macs: 9.5 }, MACs in millions.
  function within(sizes, limits) {
    return data.limits.every(({ of, unit }) => !(of in limits) || sizes[of] <= limits[of] * unit);
  }

  // The command that asks for the best network within the limits; empty if there are none.
  function selectCommand(limits) {
    const asked = data.limits.filter(({ of }) => of in limits);
    const options = asked.map(({ of, option, unit }) => `${option} ${Number((limits[of] * unit).toPrecision(12))}`);
    return asked.length ? `simplexnas select ${options.join(" ")}` : "";
  }

  return { logits, architecture, sizes, parse, accuracy, within, selectCommand };
}

function simplexnasExplorer(root, data) {
  const model = simplexnasModel(data);
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const { side, margin, altitude } = data.triangle;
  const svg = find("svg.triangle"), handle = find(".handle");
  const fields = all("input[name^=S]"), budgets = all("input[name^=budget]"), walk = find("input[name=walk]");
  const edgeArcs = all("svg.cell[role=img] .edge");
  const half = data.edges.length;
  const whole = (x) => x.toLocaleString("en-US", { maximumFractionDigits: 0 });
  let S = data.start, before = null, spoken = null, touched = false; // the address is written once somebody moves S

  function rounded(values) {
    // Hundredths that sum to 1: what is left goes to the largest.
    const parts = values.map((x) => Math.round(100 * x));
    parts[parts.indexOf(Math.max(...parts))] += 100 - parts.reduce((a, b) => a + b, 0);
    return parts.map((x) => x / 100);
  }

  function place(point) {
    return [margin + side * (point[2] + point[0] / 2), margin + altitude * (1 - point[0])];
  }

  function fromPlace(x, y) {
    const first = 1 - (y - margin) / altitude;
    const third = (x - margin) / side - first / 2;
    const inside = [first, 1 - first - third, third].map((value) => Math.max(0, value));
    const sum = inside.reduce((a, b) => a + b, 0);
    return inside.map((value) => value / sum);
  }

  function limits() {
    const given = budgets.filter((input) => input.value !== "");
    return Object.fromEntries(given.map((input) => [input.dataset.of, Number(input.value)]));
  }

  function show(next, { fromFields = false, fromWalk = false } = {}) {
    S = next;
    const choice = model.architecture(S), sizes = model.sizes(choice), found = model.accuracy(S, choice);
    const member = data.members[found.member];
    edgeArcs.forEach((arc, e) => {
      arc.classList.toggle("switched", before !== null && before[e] !== choice[e]);
      arc.dataset.operation = choice[e];
    });
    before = choice;
    const [x, y] = place(S);
    handle.setAttribute("cx", x.toFixed(1));
    handle.setAttribute("cy", y.toFixed(1));
    const words = S.map((value, m) => `${data.operations[m]} ${value.toFixed(2)}`).join(", ");
    handle.setAttribute("aria-valuetext", words);
    handle.setAttribute("aria-valuenow", S[0].toFixed(2));
    if (!fromFields) fields.forEach((input, m) => (input.value = S[m].toFixed(2)));
    if (!fromWalk) walk.value = S[data.walked].toFixed(2);
    all("[data-count]").forEach((cell) => {
      cell.textContent = choice.filter((m) => m === Number(cell.dataset.count)).length;
    });
    const values = {
      edgeParameters: whole(sizes.edgeParameters),
      totalParameters: whole(sizes.totalParameters),
      macs: (sizes.macs / 1e6).toFixed(2) + " M",
      time: sizes.time === null ? "–" : sizes.time.toFixed(2) + " ms",
      accuracy: found.text,
      source: found.measured ? "measured" : `of another network, the nearest measured: S = (${found.S.map((v) => v.toFixed(2)).join(", ")})`,
    };
    for (const [name, text] of Object.entries(values)) find(`[data-value=${name}]`).textContent = text;
    const dot = find(".plot .here"), at = data.plot.of;
    dot.setAttribute("cx", at.x0 + at.dx * Math.log(sizes.totalParameters / at.smallest));
    dot.setAttribute("cy", at.y0 - at.dy * (100 * member.test - at.low));
    const text = S.map((value) => value.toFixed(2)).join(",");
    find("[data-command=export]").textContent = `simplexnas export --S ${text} --output model`;
    find("[data-command=papermill]").textContent = `papermill book/experiments.ipynb out.ipynb -p S "[${text}]"`;
    find("[data-command=evaluate]").textContent = `simplexnas evaluate --S ${text}`;
    all("[data-at]").forEach((button) => {
      const own = button.dataset.at.split(",").map(Number);
      button.setAttribute("aria-pressed", own.every((value, m) => Math.abs(value - S[m]) < 0.005));
    });
    const address = "#S=" + text;
    if (touched && location.hash !== address) history.replaceState(null, "", address);
    touched = true;
    clearTimeout(spoken);
    spoken = setTimeout(() => {
      find("[aria-live]").textContent =
        `${words}: ${values.totalParameters} total parameters, ${values.macs} MACs, accuracy ${values.accuracy}, ${values.source}`;
    }, 400);
  }

  function greyOut() {
    const asked = limits(), line = find("[data-command=select]");
    line.textContent = model.selectCommand(asked);
    line.parentElement.hidden = line.textContent === "";
    const fits = data.members.map((member) => model.within(model.sizes([...member.choice].map(Number)), asked));
    all(".triangle .point").forEach((dot, number) => dot.classList.toggle("over", !fits[data.memberOf[number]]));
    all(".plot .point").forEach((dot, number) => dot.classList.toggle("over", !fits[number]));
    all("[data-member]").forEach((button) => (button.disabled = !fits[Number(button.dataset.member)]));
  }

  function drag(event) {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    show(rounded(fromPlace((event.clientX - box.left) * scale, (event.clientY - box.top) * scale)));
  }
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    drag(event);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && drag(event));
  handle.addEventListener("keydown", (event) => {
    // Up: more of the first penalty; left and right: between the second and the third.
    const moves = { ArrowUp: [2, -1, -1], ArrowDown: [-2, 1, 1], ArrowLeft: [0, 1, -1], ArrowRight: [0, -1, 1] };
    const move = moves[event.key];
    if (!move) return;
    const moved = S.map((value, m) => Math.max(0, value + 0.01 * move[m]));
    const sum = moved.reduce((a, b) => a + b, 0);
    show(rounded(moved.map((value) => value / sum)));
    event.preventDefault();
  });
  fields.forEach((input) =>
    input.addEventListener("input", () => {
      const parsed = model.parse(fields.map((field) => field.value || NaN));
      fields.forEach((field) => field.setAttribute("aria-invalid", parsed === null));
      find("[data-value=refusal]").textContent = parsed === null ? "three numbers from 0 on, with sum 1" : "";
      if (parsed) show(parsed, { fromFields: true });
    })
  );
  walk.addEventListener("input", () => {
    // The walked penalty changes, and the others keep their proportion.
    const own = Number(walk.value), rest = 1 - S[data.walked];
    const others = S.map((value) => (rest > 0 ? (value / rest) * (1 - own) : (1 - own) / (S.length - 1)));
    show(others.map((value, m) => (m === data.walked ? own : value)), { fromWalk: true });
  });
  all("[data-at]").forEach((button) =>
    button.addEventListener("click", () => show(button.dataset.at.split(",").map(Number)))
  );
  budgets.forEach((input) => input.addEventListener("input", greyOut));
  all("[data-copy]").forEach((button) =>
    button.addEventListener("click", async () => {
      const code = find(`[data-command=${button.dataset.copy}]`);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code); // a page from disk may not write to the clipboard
        button.textContent = "selected";
      }
      setTimeout(() => (button.textContent = "copy"), 1500);
    })
  );
  function fromAddress() {
    const match = /^#S=([^&]*)$/.exec(location.hash);
    const parsed = match && model.parse(decodeURIComponent(match[1]).split(","));
    if (parsed) show(parsed);
    return Boolean(parsed);
  }
  addEventListener("hashchange", fromAddress);
  root.classList.add("live");
  if (!fromAddress()) show(S);
  greyOut();
}

if (typeof module !== "undefined") module.exports = { simplexnasModel };
