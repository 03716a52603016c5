/** Says how the run ended, first in one sentence, then as a way and as figures. */

import { el, milliseconds } from "./dom.js";
import { relayName } from "./turnfleet-client.js";

/** Show that a run is under way. */
export function starting(frames, text) {
  frames.title.textContent = "Running";
  frames.text.textContent = text;
}

/** Show the way that the data took. `run` is a finished run (see `app.js`). */
export function carried(frames, run) {
  const { data, path } = run;
  frames.title.textContent = `Relayed through the ${path.near.role ?? "relay"}`;
  const same = path.near.relay === path.far?.relay && path.near.region === path.far?.region;
  const across = same ? nameOf(path.near) : `${nameOf(path.near)} and ${nameOf(path.far)}`;
  frames.text.textContent =
    `${data.received} of ${data.sent} messages came back through ${across}, ` +
    `half of them within ${milliseconds(data.medianMs)}.`;
  const stop = (side) =>
    el(
      "li",
      { class: `stop ${side.role ?? ""}` },
      el("span", { class: "name" }, nameOf(side)),
      el(
        "span",
        { class: "quiet" },
        [side.role, side.protocol?.toUpperCase()].filter(Boolean).join(", "),
      ),
    );
  const page = () => el("li", { class: "stop page" }, el("span", { class: "name" }, "this page"));
  frames.route.replaceChildren(
    page(),
    stop(path.near),
    ...(same || !path.far ? [] : [stop(path.far)]),
    page(),
  );
  frames.route.hidden = false;
  frames.facts.replaceChildren(
    ...figures([
      ["Round trip, median", milliseconds(data.medianMs)],
      ["Round trip, 95 %", milliseconds(data.p95Ms)],
      ["ICE round trip", milliseconds(path.near.rttMs)],
      ["Messages back", `${data.received} / ${data.sent}`],
      ["Bytes out / in", `${path.near.bytesSent ?? "–"} / ${path.near.bytesReceived ?? "–"}`],
    ]),
  );
}

/** Show why nothing was carried. @param {{title: string, sentence: string, retryAfter: number | null}} problem */
export function failed(frames, problem) {
  frames.title.textContent = problem.title;
  frames.text.textContent =
    problem.sentence + (problem.retryAfter ? ` Ask again in ${problem.retryAfter} s.` : "");
  frames.route.hidden = true;
  frames.facts.replaceChildren();
}

/** Put a run on top of the list of runs. */
export function remember(list, run, at) {
  const time = at.toLocaleTimeString([], { hour12: false });
  list.prepend(
    el(
      "li",
      { class: run.problem ? "bad" : (run.path.near.role ?? "") },
      el("time", { datetime: at.toISOString() }, time),
      " ",
      run.problem
        ? el("span", {}, run.problem.title)
        : [
            el(
              "span",
              { class: `chip ${run.path.near.role ?? ""}` },
              run.path.near.role ?? "relay",
            ),
            " ",
            el("span", { class: "name" }, nameOf(run.path.near)),
            " ",
            el(
              "span",
              { class: "quiet" },
              `${run.path.near.protocol?.toUpperCase() ?? ""} ${milliseconds(run.data.medianMs)}`,
            ),
          ],
    ),
  );
  while (list.children.length > 8) list.lastElementChild.remove();
}

/** Return the name of a relay, or its address where the answer does not name it. */
export function nameOf(side) {
  if (!side) return "an unknown relay";
  return side.relay ? relayName(side) : (side.address ?? "an unknown relay");
}

function figures(pairs) {
  return pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
}
