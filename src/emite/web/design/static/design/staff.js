/* Keys of the staff's pages: "/" searches, "n" opens a new charge, "p" prints. Never while somebody types. */
(function () {
  "use strict";
  function typing(target) {
    if (/^(radio|checkbox|button|submit)$/.test(target.type || "")) { return false; }
    return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) { return; }
    var target = document.querySelector('[data-key="' + (event.key === '"' ? "" : event.key) + '"]');
    if (!target) { return; }
    event.preventDefault();
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) { target.focus(); target.select && target.select(); }
    else { target.click(); }
  });
}());
