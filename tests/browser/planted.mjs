// Pages that the test of the search plants among many others, and what it then asks for.

/** Title, heading, text. */
const PLANTED = [
  ["Moving the greenhouse sensors", "Calibrate the humidity probes", "The gardener reads every thermometer twice and notes the difference in the logbook."],
  ["Lighthouse generator handover", "Refuel before midnight", "The keeper checks the diesel barrels and signals the harbour with the foghorn."],
  ["Printing the seminar brochures", "Choose the paper weight", "Glossy sheets need longer drying; the bindery staples them on Thursday afternoon."],
  ["Library catalogue cleanup", "Merge duplicate authors", "Librarians compare the spelling of surnames before the shelves are relabelled."],
  ["Winter tyres for the delivery vans", "Book the mechanic", "Drivers leave their vehicles beside the garage and collect a bicycle instead."],
  ["Orchard harvest planning", "Count the wooden crates", "Pickers begin with the plums; the cider press is rinsed every evening."],
  ["Canteen allergen labels", "Mark peanuts and sesame", "The chef writes ingredients on the blackboard and answers worried guests."],
  ["Museum night volunteers", "Hand out torches", "Visitors walk through the fossil gallery in groups of twelve, children in front."],
  ["Replacing the elevator cables", "Inform the tenants", "The inspector seals the shaft and removes the sticker when the brake is tested."],
  ["Choir rehearsal rooms", "Tune the piano", "Sopranos meet upstairs; the conductor borrows a metronome from the school."],
  ["Beekeeping equipment inventory", "Sterilise the frames", "Smokers, gloves and veils hang in the shed; honey is weighed in the cellar."],
  ["Swimming pool chlorine audit", "Measure the acidity", "Lifeguards rinse the filters and close the shallow basin during the analysis."],
  ["Kindergarten excursion checklist", "Pack sandwiches", "Parents sign the permission slip; the zoo expects them near the penguins."],
  ["Theatre lighting rehearsal", "Replace broken bulbs", "Electricians climb the scaffolding while actors whisper their monologues."],
  ["Ferry timetable translation", "Proofread the Norwegian version", "Passengers find departures on the quay and in the leaflet of the tourist office."],
  ["Pharmacy refrigerator breakdown", "Rescue the vaccines", "The pharmacist carries insulin to the hospital and documents each package."],
  ["Bakery oven refurbishment", "Order firebricks", "Apprentices knead sourdough elsewhere; croissants come from the neighbour."],
  ["Telescope mirror polishing", "Cover the observatory dome", "Astronomers postpone their measurements until the moonlight fades."],
  ["Vineyard frost warning", "Light the candles", "Growers sprinkle water over blossoms when the temperature drops below zero."],
  ["Carnival parade insurance", "Register every wagon", "Musicians, jugglers and horses wait behind the townhall for the fireworks."],
];

const slug = (title) => title.toLowerCase().replaceAll(" ", "-");

/** The pages as files: name and text. */
export const files = PLANTED.map(([title, heading, text], at) => [
  `planted/${slug(title)}.md`,
  `+++\ntitle = "${title}"\nkind = "page"\nweight = ${at + 1}\n+++\n\nNobody should restart the scheduler while this is done.\n\n## ${heading}\n\n${text} Write the time into the log.\n`,
]);

export const route = (number) => `planted/${slug(PLANTED[number][0])}.html`;

/** Numbers from a seed (mulberry32), so that nobody chooses them. */
function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A word with one fault anywhere: a letter too many, too few, another one, or two that changed places. */
function misspelt(word, next) {
  const letter = () => "abcdefghijklmnopqrstuvwxyz"[next(26)];
  for (;;) {
    const at = next(word.length), [before, after] = [word.slice(0, at), word.slice(at)];
    const made = [
      () => before + letter() + after,
      () => before + after.slice(1),
      () => before + letter() + after.slice(1),
      () => before + (after[1] ?? "") + after[0] + after.slice(2),
    ][next(4)]();
    if (made !== word) return made;
  }
}

/**
 * Sixty questions, each with the number of its page: 15 exact, 15 beginnings, 15 with a fault, 15 of two words. Asked for is a word
 * of at least five letters of the title, the heading or the text, which no other page has; `isCommon` says whether others have it. The
 * second of two words is any other one of its page.
 */
export function questions(isCommon, seed) {
  const next = random(seed), asked = [];
  const words = (text) => text.toLowerCase().match(/[a-z]+/g);
  const count = (word) => PLANTED.filter((parts) => words(parts.join(" ")).includes(word)).length;
  for (const kind of ["exact", "beginning", "one fault", "two words"]) {
    for (let i = 0; i < 15; i++) {
      let own = [], page, other;
      while (!own.length) {
        page = next(PLANTED.length);
        own = words(PLANTED[page][next(3)]).filter((word) => word.length >= 5 && count(word) === 1 && !isCommon(word));
        other = words(PLANTED[page].join(" "));
      }
      const word = own[next(own.length)];
      other = other.filter((one) => one !== word && one.length >= 3);
      const question = {
        exact: () => word,
        beginning: () => word.slice(0, Math.max(4, word.length - 1 - next(word.length - 4))),
        "one fault": () => misspelt(word, next),
        "two words": () => [word, other[next(other.length)]].sort(() => next(2) - 0.5).join(" "),
      }[kind]();
      asked.push({ kind, question, word, page });
    }
  }
  return asked;
}
