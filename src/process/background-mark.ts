// Process layer: how the second process of a director in the background knows what it is (host/background.ts).

export const BACKGROUND_VARIABLE = "LBD_BACKGROUND";

/** Takes the mark away: programs that this process starts are none. */
export function takeBackground(environment: NodeJS.ProcessEnv): { readonly isBackground: boolean } {
  const isBackground = environment[BACKGROUND_VARIABLE] !== undefined;
  delete environment[BACKGROUND_VARIABLE];
  return { isBackground };
}
