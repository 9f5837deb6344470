/* For every form: the summary of errors takes the focus, and a form that is on its way is not sent again. */
(function () {
  "use strict";
  var summary = document.querySelector(".summary");
  var at = document.activeElement;
  /* On a slow line this file may come after the first keys: who is already typing keeps the field. */
  var typing = at && at !== document.body && !(at.hasAttribute("autofocus") && at.value === at.defaultValue);
  if (summary && !typing) { summary.focus(); }

  function release() {
    var forms = document.querySelectorAll("form[data-sent]");
    for (var i = 0; i < forms.length; i++) {
      forms[i].removeAttribute("data-sent");
      var button = forms[i].querySelector("[data-once]");
      if (button) {
        button.removeAttribute("aria-disabled");
        button.textContent = button.getAttribute("data-was") || button.textContent;
      }
    }
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    var button = form.querySelector && form.querySelector("[data-once]");
    if (!button || event.defaultPrevented) { return; }
    if (form.getAttribute("data-sent")) { event.preventDefault(); return; }
    form.setAttribute("data-sent", "1");
    button.setAttribute("aria-disabled", "true");
    button.setAttribute("data-was", button.textContent);
    button.textContent = button.getAttribute("data-once") || button.textContent;
  });
  /* A page that comes back from the history must be usable again. */
  window.addEventListener("pageshow", release);

  document.addEventListener("click", function (event) {
    var target = event.target.closest ? event.target.closest("[data-print],[data-copy]") : null;
    if (!target) { return; }
    if (target.hasAttribute("data-print")) { event.preventDefault(); window.print(); return; }
    var text = target.getAttribute("data-copy");
    var said = document.getElementById(target.getAttribute("data-said"));
    function tell(words) { if (said) { said.textContent = words; } }
    function by_hand() {
      var area = document.createElement("textarea");
      area.value = text; area.setAttribute("readonly", ""); area.className = "only-read";
      document.body.appendChild(area); area.select();
      var copied = document.execCommand("copy");
      document.body.removeChild(area);
      tell(copied ? "Copiado" : "No se pudo copiar");
    }
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(text).then(function () { tell("Copiado"); }, by_hand);
    } else { by_hand(); }
  });
}());
