/** Texts of the organizers' pages about plans, in English. */
export const plans = {
  title: 'Seating plans',
};
