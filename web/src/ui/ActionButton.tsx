import { Button, Tooltip, type ButtonProps } from "@mantine/core";
import type { ReactNode } from "react";
import type { Permission } from "~/access/capabilities.ts";

interface Props extends Pick<ButtonProps, "variant" | "color" | "size" | "leftSection" | "loading"> {
  permission: Permission;
  onClick: () => void;
  children: ReactNode;
}

/** A button that says why it cannot be pressed. It stays focusable, so that the reason can be heard too. */
export function ActionButton({ permission, onClick, children, ...look }: Props) {
  if (permission.allowed) {
    return (
      <Button {...look} onClick={onClick}>
        {children}
      </Button>
    );
  }
  return (
    <Tooltip label={permission.why}>
      <Button {...look} data-disabled aria-disabled aria-description={permission.why} onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
}
