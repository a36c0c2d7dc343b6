/** Texts of the organizers' pages about sale, in English. */
export const sale = {
  title: 'On sale',
};
