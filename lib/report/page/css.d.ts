/** Styles are bundled, see scripts/build-report.ts. */
declare module '*.css';
