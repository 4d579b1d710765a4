/** Gives the focus back to what opened a dialog, also where the dialog is not kept closed but comes and goes as a whole. */
import { useLayoutEffect } from 'react';

/** Before paint on both sides: on opening the focus still is on the opener, on leaving the dialog's own elements are still there. */
export function useFocusBack(opened: boolean): void {
  useLayoutEffect(() => {
    if (!opened) return;
    const opener = document.activeElement;
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, [opened]);
}
