// Says "unknown" once the page is old, and fetches a newer one: a page that cannot know must not claim.
"use strict";
(() => {
  const EVERY_MS = 30000;
  const headline = document.getElementById("headline");
  const asOf = Number(headline.dataset.asOf);
  const stale = Number(headline.dataset.staleSeconds);

  function words(seconds) {
    if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
    return seconds < 172800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86400)} days`;
  }

  function doubt(now) {
    const age = now - asOf;
    if (age <= stale && age >= -stale) return;
    headline.className = "headline unknown";
    const since = age < 0 ? "its time is ahead of your clock" : `it was last written ${words(age)} ago`;
    document.getElementById("sentence").textContent = `Nobody knows whether it works: this page is old, ${since}`;
    for (const one of document.querySelectorAll(".now")) {
      one.className = "now unknown";
      one.textContent = "unknown";
    }
  }

  // The server's clock, where it says it: a visitor's own may be wrong.
  async function look() {
    let now = Date.now() / 1000;
    try {
      const answer = await fetch("status.json", { cache: "no-store", signal: AbortSignal.timeout(10000) });
      const date = Date.parse(answer.headers.get("Date") || "");
      if (!Number.isNaN(date)) now = date / 1000;
      if (answer.ok && (await answer.json()).as_of > asOf) {
        location.reload();
        return;
      }
    } catch { /* no answer: the page only grows older */ }
    doubt(now);
  }

  doubt(Date.now() / 1000);
  look();
  setInterval(look, EVERY_MS);
})();
