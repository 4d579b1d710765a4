/** Gives the focus back to what opened a dialog, also where the dialog is not kept closed but comes and goes as a whole. */
import { useLayoutEffect } from 'react';

/** Before paint on both sides: on opening the focus still is on the opener, on leaving the dialog's own elements are still there. */
export function useFocusBack(opened: boolean): void {
  useLayoutEffect(() => {
    if (!opened) return;
    const opener = openerOf(document.activeElement);
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, [opened]);
}

/** Of an item of a menu the button of the menu: the item is gone when the dialog is. */
function openerOf(element: Element | null): Element | null {
  const button = element?.closest('[role="menu"]')?.getAttribute('aria-labelledby');
  return button ? document.getElementById(button) : element;
}
