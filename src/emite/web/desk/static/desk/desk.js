/* The desk: options that follow what is typed, the field that takes the focus, sizes of files before they travel. */
(function () {
  "use strict";
  var wanted = document.querySelector("[data-focus]");
  var field = wanted && document.getElementById(wanted.getAttribute("data-focus"));
  if (field) { field.focus(); }

  /* A list of options asks the server as one types; the page works without it, by code. */
  var waiting = null, asked = "";
  document.addEventListener("input", function (event) {
    var input = event.target, address = input.getAttribute && input.getAttribute("data-options");
    if (!address || event.inputType === undefined) { return; }
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      var text = input.value.trim(), list = document.getElementById(input.getAttribute("list"));
      if (!list || text.length < 2 || text === asked) { return; }
      asked = text;
      var query = address + "?" + encodeURIComponent(input.name) + "=" + encodeURIComponent(text);
      window.fetch(query, { credentials: "same-origin" }).then(function (answer) {
        return answer.ok ? answer.text() : "";
      }).then(function (options) { if (asked === text) { list.innerHTML = options; } });
    }, 200);
  });

  /* A file that is too big is told apart before it is sent. */
  document.addEventListener("change", function (event) {
    var input = event.target, limit = input.getAttribute && input.getAttribute("data-max-bytes");
    if (!limit || !input.files || !input.files[0]) { return; }
    var big = input.files[0].size > Number(limit);
    input.setCustomValidity(big ? "El archivo es demasiado grande: elija el original." : "");
    if (big) { input.reportValidity(); input.value = ""; }
  });
}());
