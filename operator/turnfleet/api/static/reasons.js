/** Shows why the answer is what it is: where the client was placed, how regions ranked, who is out. */

import { el, milliseconds } from "./dom.js";
import { degrees } from "./map.js";
import { relayName } from "./turnfleet-client.js";

const RUNGS = {
  pinned: "the request pins a region, so the client counts as being there",
  request: "the request says so",
  hint: "from a hint in the request (a time zone, country or cloud region)",
  header: "from a header that a trusted proxy set",
  cidr: "from the operator's own table of networks",
  city: "from the city database",
  country: "from the country database",
  default: "no hint says so, so the default place counts",
};

/** Say in one sentence where the client was taken to be and how that is known. */
export function whereabouts(located) {
  if (!located) return "";
  const how = RUNGS[located.rung] ?? located.rung;
  if (located.latitude === undefined) return `Where the client is: ${how}.`;
  if (located.rung === "default")
    return `No hint: the client counts as being at ${degrees(located)}, the default place.`;
  const country = located.country ? ` (${located.country})` : "";
  return `The client is taken to be at ${degrees(located)}${country}: ${how}.`;
}

/**
 * @param {Element} frame
 * @param {object | null} explained what the endpoint says about this request
 * @param {Map<string, string[]>} roles see rolesByRegion
 */
export function show(frame, explained, roles) {
  const noticed = [
    ...(explained?.notes ?? []),
    ...(explained?.located?.ignored ?? []).map((text) => ({ sentence: text })),
  ];
  const notices = noticed.map((one) => el("p", { class: "notice" }, sentence(one)));
  if (!explained?.ranked) {
    const kept = "The endpoint keeps its reasons from callers without a key.";
    frame.replaceChildren(...notices, el("p", { class: "quiet" }, kept));
    return;
  }
  const excluded = explained.excluded ?? [];
  frame.replaceChildren(
    ...notices,
    el("h3", {}, "Regions, cheapest first"),
    rankedList(explained.ranked, roles),
    el("h3", {}, "Not chosen from"),
    excluded.length
      ? el(
          "ul",
          { class: "excluded" },
          excluded.map((one) =>
            el(
              "li",
              { "data-excluded": one.relay ?? one.region },
              el("span", { class: "name" }, one.relay ? relayName(one) : one.region),
              " ",
              el("span", { class: "chip reason" }, one.reason),
              " ",
              sentence(one),
            ),
          ),
        )
      : el("p", { class: "quiet" }, "Nothing: every region and every relay could be offered."),
  );
}

function sentence({ sentence: text, reason }) {
  return text
    ? `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`
    : String(reason ?? "");
}

/** Return every region in the answer with the roles it plays. */
export function rolesByRegion(choices) {
  const roles = new Map();
  for (const { region, role } of choices) {
    roles.set(region, [...(roles.get(region) ?? []), role]);
  }
  return roles;
}

function rankedList(ranked, roles) {
  if (!ranked.length) return el("p", { class: "quiet" }, "No region could be ranked.");
  const most = Math.max(1, ...ranked.map(({ cost }) => cost));
  return el(
    "ol",
    { class: "ranked" },
    ranked.map(({ region, estimate, loadPenalty, weightPenalty, cost }) => {
      const played = roles.get(region) ?? [];
      const bar = el("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(cost / most));
      const terms = [
        `estimated ${milliseconds(estimate)} away`,
        loadPenalty ? `+${milliseconds(loadPenalty)} for its load` : null,
        weightPenalty ? `+${milliseconds(weightPenalty)} for its weight` : null,
      ];
      return el(
        "li",
        { class: played[0] ?? "", "data-ranked": region },
        el("span", { class: "name" }, region),
        played.map((role) => [" ", el("span", { class: `chip ${role}` }, role)]).flat(),
        el("strong", { class: "cost" }, milliseconds(cost)),
        bar,
        el("span", { class: "quiet" }, terms.filter(Boolean).join(", ")),
      );
    }),
  );
}
