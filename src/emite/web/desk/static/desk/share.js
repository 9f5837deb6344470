/* The system's own way of sharing, where there is one; copying and the links work without it. */
(function () {
  "use strict";
  var button = document.querySelector("[data-share]");
  if (!button || !navigator.share) { return; }
  button.hidden = false;
  button.addEventListener("click", function () {
    navigator.share({ text: button.getAttribute("data-share") }).catch(function (error) {
      if (error.name !== "AbortError") { button.hidden = true; }
    });
  });
}());
