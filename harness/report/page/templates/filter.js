"use strict";
// Without this script, the page is whole: it only adds the filter by text, and hides what is left empty.
document.documentElement.classList.add("scripted");
const form = document.querySelector(".filter");
const shown = form.querySelector("output");
const claims = [...document.querySelectorAll(".claim, .heat tr[data-verdicts]")];
const texts = new Map(claims.map((claim) => [claim, claim.textContent.toLowerCase()]));
const chosen = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
function apply() {
  const verdicts = chosen("verdict");
  const documents = chosen("document");
  const topic = form.elements.topic.value;
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const claim of claims) {
    const data = claim.dataset;
    const wanted =
      data.verdicts.split(" ").some((verdict) => verdicts.has(verdict)) &&
      data.documents.split(" ").some((letter) => documents.has(letter)) &&
      (!topic || data.topic === topic) &&
      words.every((word) => texts.get(claim).includes(word));
    claim.hidden = !wanted;
    count += wanted && claim.classList.contains("claim");
  }
  for (const section of document.querySelectorAll("section.topic")) {
    section.hidden = !section.querySelector(".claim:not([hidden])");
  }
  shown.textContent = `${count} of ${form.dataset.claims} claims`;
}
form.addEventListener("input", apply);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(apply));
document.addEventListener("click", (event) => {
  // A link to a claim that the filter hides shows it.
  const link = event.target.closest?.('a[href^="#"]');
  const target = link && document.getElementById(link.getAttribute("href").slice(1));
  if (target?.hidden || target?.closest("[hidden]")) {
    form.reset();
    apply();
  }
});
apply();
