// What the page was told by the program that wrote it, and the Panel document once it is there.
const element = document.getElementById("session");

// { channel, scripts, later, document } of a frozen page, { channel, scripts, later, token } of one with a session.
export const written = JSON.parse(element.textContent);
export const session = { document: null };
