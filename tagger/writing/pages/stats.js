const lines = [...document.querySelectorAll("tbody tr")].map(node => (
  { node, name: node.cells[0].textContent.toLowerCase() }));

function apply() {
  const shown = lines.filter(each => sought().every(word => each.name.includes(word)));
  const filtered = shown.length < lines.length;
  for (const each of lines) each.node.hidden = true;
  for (const each of shown) each.node.hidden = false;
  nothing.hidden = shown.length > 0 || !filtered;
  showStatus(filtered ? "显示 " + shown.length + " 行，共 " + lines.length + " 行" : "", filtered);
}

listen(apply);
