// A whale that confirms is seen going across: its old row fades out on the way to its new place.
const MOST = 3;

export function across(ended, from, to, redraw) {
  const starts = from.quiet
    ? []
    : ended
        .slice(0, MOST)
        .map((id) => [id, box(from, id), from.element(id)])
        .filter(([, seen]) => seen);
  const ghosts = starts.map(([id, seen, element]) => [id, seen, element.cloneNode(true)]);
  redraw();
  for (const [id, seen, ghost] of ghosts) {
    const goal = box(to, id);
    if (goal) fly(ghost, seen, goal);
  }
}

function box(table, id) {
  const element = table.element(id);
  if (!element) return null;
  const seen = element.getBoundingClientRect();
  const frame = table.body.getBoundingClientRect();
  return seen.bottom > frame.top && seen.top < frame.bottom && seen.bottom > 0 && seen.top < innerHeight ? seen : null;
}

function fly(ghost, seen, goal) {
  ghost.setAttribute("aria-hidden", "true");
  ghost.removeAttribute("data-id");
  ghost.classList.add("ghost");
  Object.assign(ghost.style, {
    position: "fixed",
    translate: "none",
    top: `${seen.top}px`,
    left: `${seen.left}px`,
    width: `${seen.width}px`,
    height: `${seen.height}px`,
  });
  document.body.append(ghost);
  ghost
    .animate(
      [
        { transform: "none", opacity: 1 },
        { transform: `translate(${goal.left - seen.left}px, ${goal.top - seen.top}px)`, opacity: 0.15 },
      ],
      { duration: 650, easing: "cubic-bezier(.45,.05,.25,1)" },
    )
    .finished.finally(() => ghost.remove());
}
