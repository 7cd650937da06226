const queue = get("queue");

// The page as it was written: documents, and in each its lines in order; paragraphs know the headings above them
const pages = [...document.querySelectorAll(".document")].map(node => {
  const path = [];
  const lines = [...node.querySelector(".text").children].map(line => {
    const depth = Number(line.dataset.depth || 0);
    if (depth) path.splice(depth - 1, path.length, line.firstElementChild.textContent);
    return line.classList.contains("para") ? placed(line, [node.querySelector("h2").textContent, ...path]) : { node: line, depth };
  });
  return { node, lines, link: document.querySelector('[data-link="' + node.id + '"]') };
});
const paragraphs = pages.flatMap(page => page.lines.filter(line => line.text));
const doubtful = paragraphs.filter(each => each.doubt).sort((one, other) => one.probability - other.probability);

function placed(node, path) {
  return { ...paragraph(node), doubt: "doubt" in node.dataset, probability: Number(node.dataset.probability),
    place: document.createComment(""), path: path.join(" › ") };
}

function apply() {
  const wanted = wantedThemes();
  const filtered = wanted.length > 0 || sought().length > 0 || get("doubtful").checked;
  const themesOf = each => get("also").checked ? [each.theme, ...each.also] : [each.theme];
  const inThemes = each => !wanted.length || themesOf(each).some(theme => wanted.includes(theme));
  const found = paragraphs.filter(each => sought().every(word => each.plain.includes(word)));
  const rest = get("doubtful").checked ? found.filter(each => each.doubt) : found;
  const shown = new Set(rest.filter(inThemes));

  for (const each of paragraphs) each.node.hidden = !shown.has(each);
  showCounts(rest, themesOf);
  get("doubts").textContent = found.filter(each => each.doubt && inThemes(each)).length;
  arrange(shown);
  for (const page of pages) showLines(page, shown, filtered);
  nothing.hidden = shown.size > 0 || !filtered;
  const doubts = [...shown].filter(each => each.doubt).length;
  showStatus((filtered ? "显示 " + shown.size + " 段，共 " : "共 ") + paragraphs.length + " 段，不确定 " + doubts + " 段", filtered);
  highlight(shown);
}

// Doubtful paragraphs go to the queue, each with its file and headings, or back to their places
function arrange(shown) {
  const first = get("first").checked;
  for (const each of doubtful) {
    const away = each.node.parentNode === queue;
    if (first && !away) {
      each.node.before(each.place);
      const path = document.createElement("p");
      path.className = "path";
      path.textContent = each.path;
      each.node.prepend(path);
      queue.append(each.node);
    } else if (!first && away) {
      each.node.querySelector(".path").remove();
      each.place.replaceWith(each.node);
    }
  }
  queue.hidden = !first || !doubtful.some(each => shown.has(each));
}

// From the end up: a heading stays while a paragraph below it is shown; other lines stay while nothing is filtered
function showLines(page, shown, filtered) {
  let needed = 0, count = 0;
  for (const line of [...page.lines].reverse()) {
    if (line.text) {
      if (shown.has(line)) count += 1;
      if (shown.has(line) && line.node.parentNode !== queue) needed = Infinity;
    } else if (line.depth) {
      line.node.hidden = filtered && line.depth >= needed;
      if (line.depth < needed) needed = line.depth;
    } else {
      line.node.hidden = filtered;
    }
  }
  page.node.hidden = filtered && !page.lines.some(line => line.text && shown.has(line) && line.node.parentNode !== queue);
  page.link.hidden = page.node.hidden;
  page.link.querySelector(".number").textContent = count;
}

listen(apply);
