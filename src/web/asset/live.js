// Renews the page in place, so that nothing jumps and the focus stays. Without
// this script a <meta refresh> does it.
"use strict";
(() => {
  const script = document.currentScript;
  const pause = Math.max(2, Number(script && script.dataset.refresh) || 10) * 1000;
  const renew = async () => {
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (answer.ok) {
          const next = new DOMParser().parseFromString(await answer.text(), "text/html");
          const sheet = (d) => d.querySelector("link[rel=stylesheet]").getAttribute("href");
          if (sheet(next) !== sheet(document)) {
            location.reload();
            return;
          }
          const active = document.activeElement;
          const focus = active && active.closest("main") && active.getAttribute("href");
          const open = new Set([...document.querySelectorAll("details[open][id]")].map((d) => d.id));
          document.title = next.title;
          document.querySelector("main").replaceWith(next.querySelector("main"));
          document.querySelector("footer").replaceWith(next.querySelector("footer"));
          for (const id of open) {
            const details = document.getElementById(id);
            if (details) details.open = true;
          }
          if (focus) {
            const again = [...document.querySelectorAll("main a[href]")].find((a) => a.getAttribute("href") === focus);
            if (again) again.focus({ preventScroll: true });
          }
        }
        document.documentElement.classList.remove("lost");
      } catch {
        // The daemon or the way to it is gone: what is on screen grows old.
        document.documentElement.classList.add("lost");
      }
    }
    setTimeout(renew, pause);
  };
  setTimeout(renew, pause);
})();
