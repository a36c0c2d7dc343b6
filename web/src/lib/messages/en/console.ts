/** Texts of the organizers' pages about events, in English. */
export const console = {
  title: 'My events',
};
