/* Groups the code by four while it is typed. What is sent is what is seen; the server reads it either way. */
(function () {
  "use strict";
  var field = document.querySelector("[data-groups]");
  if (!field) { return; }
  function clean(text) { return text.toUpperCase().replace(/[^0-9A-Z]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1"); }
  function grouped(text) { return (clean(text).match(/.{1,4}/g) || []).join("-"); }
  field.addEventListener("input", function (event) {
    /* A keyboard that composes words must end first, or it writes the letters twice. */
    if (event.isComposing) { return; }
    show();
  });
  field.addEventListener("compositionend", show);
  function show() {
    var before = clean(field.value.slice(0, field.selectionStart || 0)).length;
    var text = grouped(field.value);
    if (text === field.value) { return; }
    field.value = text;
    var at = before + Math.max(0, Math.ceil(before / 4) - 1);
    if (document.activeElement === field) { field.setSelectionRange(at, at); }
  }
  show();
}());
