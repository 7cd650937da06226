"use strict";
const get = id => document.getElementById(id);
const form = get("filters"), words = get("words"), nothing = get("nothing"), state = get("status");
const boxes = [...form.querySelectorAll("[name=theme]")];
const counts = new Map(boxes.map(box => [box.value, form.querySelector('[data-count="' + box.value + '"]')]));

// What the filters need to know of a paragraph; themes go by their numbers
function paragraph(node) {
  const text = node.querySelector(".words p");
  const also = node.dataset.also ? node.dataset.also.split(" ") : [];
  return { node, text, plain: text.textContent.toLowerCase(), theme: node.dataset.theme, also };
}

// The words that a paragraph must hold, all of them
const sought = () => words.value.toLowerCase().split(/\s+/u).filter(word => word);
const wantedThemes = () => boxes.filter(box => box.checked).map(box => box.value);

// What a tick more would show
function showCounts(paragraphs, themesOf) {
  counts.forEach((count, theme) => { count.textContent = paragraphs.filter(each => themesOf(each).includes(theme)).length; });
}

function showStatus(sentence, filtered) {
  state.textContent = sentence;
  state.classList.toggle("filtered", filtered);
}

function highlight(shown) {
  if (!window.Highlight || !CSS.highlights) return;
  CSS.highlights.delete("found");
  const places = [...shown].slice(0, 500).flatMap(each => sought().flatMap(word => ranges(each, word)));
  if (places.length) CSS.highlights.set("found", new Highlight(...places));
}

function ranges(each, word) {
  const found = [], pieces = [], walker = document.createTreeWalker(each.text, NodeFilter.SHOW_TEXT);
  for (let start = 0; walker.nextNode(); start += walker.currentNode.length) pieces.push([start, walker.currentNode]);
  const put = (edge, position) => {
    const [start, node] = pieces.findLast(piece => piece[0] <= position);
    edge(node, Math.min(position - start, node.length));
  };
  for (let at = each.plain.indexOf(word); at >= 0; at = each.plain.indexOf(word, at + word.length)) {
    const range = document.createRange();
    put(range.setStart.bind(range), at);
    put(range.setEnd.bind(range), at + word.length);
    found.push(range);
  }
  return found;
}

// Apply the filters now, and whenever one changes
function listen(apply) {
  let waiting = 0;
  const soon = event => {
    if (event.isComposing) return;  // half-written pinyin
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  };
  words.addEventListener("input", soon);
  words.addEventListener("compositionend", soon);
  form.addEventListener("change", event => { if (event.target !== words) apply(); });
  form.addEventListener("submit", event => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  apply();
}
