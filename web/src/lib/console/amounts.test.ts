import { describe, expect, it } from 'vitest';

import { minorUnits, typed } from './amounts';

describe('an amount that was typed', () => {
  it.each([
    ['150000', 'KRW', 150_000],
    ['150,000', 'KRW', 150_000],
    [' 1 500 000 ', 'KRW', 1_500_000],
    ['0', 'KRW', 0],
    ['12.5', 'KRW', undefined],
    ['1.500', 'KRW', 1_500],
    ['12', 'EUR', 1_200],
    ['12.50', 'EUR', 1_250],
    ['12,5', 'EUR', 1_250],
    ['1,250.75', 'EUR', 125_075],
    ['1.250,75', 'EUR', 125_075],
    ["1'250", 'EUR', 125_000],
    ['.50', 'EUR', 50],
    ['1,25,000', 'EUR', undefined],
    ['12.505', 'EUR', 1_250_500],
    ['12.5055', 'EUR', undefined],
    ['1.500', 'KWD', 1_500],
    ['1,500', 'KWD', 1_500_000],
    ['-1', 'EUR', undefined],
    ['€5', 'EUR', undefined],
    ['1e3', 'KRW', undefined],
    ['', 'KRW', undefined],
    ['.', 'EUR', undefined],
  ])('%j in %s is %j', (text, currency, expected) => {
    expect(minorUnits(text, currency)).toBe(expected);
  });

  it.each([
    [150_000, 'KRW', '150000'],
    [1_250, 'EUR', '12.50'],
  ])('%i in %s is written as %s, and read again', (amount, currency, text) => {
    expect(typed(amount, currency)).toBe(text);
    expect(minorUnits(text, currency)).toBe(amount);
  });
});
