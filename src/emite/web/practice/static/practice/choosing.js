/* The totals move as boxes are ticked. The server counts again: without this file nothing but the wait is different. */
(function () {
  "use strict";
  var form = document.getElementById("elegir");
  var all = document.getElementById("todos");
  if (!form || !all) { return; }
  var boxes = form.querySelectorAll(".tick");
  var cents = function (text) { return Math.round(parseFloat(text) * 100); };
  var count = parseInt(form.getAttribute("data-chosen-count"), 10);
  var amount = cents(form.getAttribute("data-chosen-amount"));

  function show() {
    document.getElementById("cuantos").textContent = count.toLocaleString("es-MX");
    document.getElementById("cuanto").textContent = "$" + (amount / 100).toLocaleString("es-MX", {
      minimumFractionDigits: 2, maximumFractionDigits: 2
    });
  }
  all.addEventListener("change", function () {
    for (var i = 0; i < boxes.length; i++) { boxes[i].checked = all.checked; }
    form.elements.antes.value = all.checked ? "todos" : "algunos";
    form.elements.lleva.value = "";
    count = all.checked ? parseInt(form.getAttribute("data-count"), 10) : 0;
    amount = all.checked ? cents(form.getAttribute("data-amount")) : 0;
    show();
  });
  form.addEventListener("change", function (event) {
    if (!event.target.classList.contains("tick")) { return; }
    var sign = event.target.checked ? 1 : -1;
    count += sign;
    amount += sign * cents(event.target.getAttribute("data-amount"));
    show();
  });
}());
