/* Now, as reactive state: `second` for the clock on the wall, `now` (every ten seconds) for "3 min ago" in long lists. */

class Clock {
  second = $state.raw(new Date());
  now = $state.raw(new Date());
  private ticks = 0;

  constructor() {
    setInterval(() => {
      this.second = new Date();
      if (++this.ticks % 10 === 0) this.now = this.second;
    }, 1000);
  }
}

export const wallClock = new Clock();
