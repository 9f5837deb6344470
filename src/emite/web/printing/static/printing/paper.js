/* A roll has no length: the page is made as long as what it says, so that the printer cuts where the ticket ends. */
(function () {
  "use strict";
  var papers = document.querySelectorAll(".paper-80mm .paper");
  if (!papers.length) { return; }
  function fit() {
    var sheet = document.querySelector("link[media='print']").sheet, at = 0;
    var across = papers[0].getBoundingClientRect().width, long = 0;
    /* Of several, the longest: all pages of one print are alike. */
    for (var each = 0; each < papers.length; each += 1) { long = Math.max(long, papers[each].getBoundingClientRect().height); }
    if (!sheet || !across) { return; }
    /* 80 mm on the screen; 72 mm printed, so a few words more may wrap: one line in ten, and the margins. */
    var millimetres = Math.ceil(long / across * 80 * 1.1) + 10;
    while (at < sheet.cssRules.length && !(window.CSSPageRule && sheet.cssRules[at] instanceof window.CSSPageRule)) { at += 1; }
    if (at < sheet.cssRules.length) { sheet.deleteRule(at); }
    sheet.insertRule("@page{size:80mm " + millimetres + "mm;margin:3mm 4mm}", 0);
  }
  window.addEventListener("load", fit);
}());
