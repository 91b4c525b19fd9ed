/** A bucket of tokens that refills with time. */
export class RateLimit {
  private readonly burst: number;
  private readonly perSecond: number;
  private tokens: number;
  private last = performance.now();

  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.perSecond = perSecond;
    this.tokens = burst;
  }

  /** False when there have been too many in too short a time. */
  take(): boolean {
    if (this.tokens < 1) this.refill();
    this.tokens -= 1;
    return this.tokens >= 0;
  }

  private refill(): void {
    const now = performance.now();
    this.tokens = Math.min(this.burst, Math.max(0, this.tokens) + ((now - this.last) / 1000) * this.perSecond);
    this.last = now;
  }
}
