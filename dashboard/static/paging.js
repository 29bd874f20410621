// Answers that may overtake each other, and pages of a list by their cursors. Pure: `ask` and `draw` are the caller's.

// `take` gets the answer of `ask`, unless it was asked anew meanwhile: an old answer is never drawn over a newer one.
export function newest(ask, take) {
  let last = null;
  return async (...asked) => {
    const mine = {};
    last = mine;
    try {
      const answer = await ask(...asked);
      if (last === mine) await take(answer, ...asked);
    } catch (refusal) {
      if (last === mine) throw refusal;
    }
  };
}

// A page is turned once its answer is there: where that fails, the page that stands is still the page that is counted.
export class Paging {
  // `ask(cursor)` answers a page of the API, `draw(page)` shows it.
  constructor(ask, draw) {
    // Of each page up to the one that is shown; and of the one that is on its way, if it is another.
    this.cursors = [null];
    this.wanted = null;
    this.load = newest(
      (cursors) => ask(cursors.at(-1)),
      (page, cursors) => {
        Object.assign(this, { cursors, wanted: null, next: page.page_info.next_cursor, stale: false });
        return draw(page);
      },
    );
  }

  get isFirst() {
    return this.cursors.length < 2;
  }

  // What is asked for is another list: what is shown is of the old one until an answer comes.
  restart() {
    this.wanted = [null];
    this.stale = true;
  }

  turn(step) {
    if (this.stale) return;
    this.wanted = step < 0 ? this.cursors.slice(0, -1) : [...this.cursors, this.next];
  }

  async read() {
    const cursors = this.wanted ?? this.cursors;
    try {
      await this.load(cursors);
    } catch (refusal) {
      if (!this.stale) this.wanted = null;
      throw refusal;
    }
  }
}
