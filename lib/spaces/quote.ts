/** An architecture's text in quotes, as messages show it: long ones are cut. */
export const quoteArchitecture = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
