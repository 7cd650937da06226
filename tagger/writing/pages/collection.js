const year = get("year"), folder = get("folder");
const sections = [...document.querySelectorAll(".best")].map(node => (
  { node, items: [...node.querySelectorAll(".para")].map(paragraph) }));
const items = sections.flatMap(section => section.items);

function apply() {
  const wanted = wantedThemes();
  const isFrom = each => (!year.value || each.node.dataset.year === year.value)
    && (!folder.value || each.node.dataset.folder === folder.value);
  const found = items.filter(each => isFrom(each) && sought().every(word => each.plain.includes(word)));
  const shown = new Set(found.filter(each => !wanted.length || wanted.includes(each.theme)));
  const filtered = shown.size < items.length;

  for (const each of items) each.node.hidden = !shown.has(each);
  for (const section of sections) section.node.hidden = filtered && !section.items.some(each => shown.has(each));
  showCounts(found, each => [each.theme]);
  nothing.hidden = shown.size > 0 || !filtered;
  showStatus((filtered ? "显示 " + shown.size + " 段，共 " : "共 ") + items.length + " 段", filtered);
  highlight(shown);
}

listen(apply);
