import { Kbd, Modal } from "@mantine/core";
import { DESTINATIONS } from "./shortcuts.ts";
import classes from "./Shell.module.css";

const OTHERS = [
  { keys: ["/"], label: "Search" },
  { keys: ["j"], label: "Next row" },
  { keys: ["k"], label: "Previous row" },
  { keys: ["Enter"], label: "Open the row" },
  { keys: ["?"], label: "These keys" },
];

export function ShortcutsHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const all = [...DESTINATIONS.map(({ key, label }) => ({ keys: ["g", key], label: `Go to ${label}` })), ...OTHERS];
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Keys</strong>} size="lg">
      <dl className={classes.keys}>
        {all.map(({ keys, label }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {keys.map((key) => (
                <Kbd key={key} ml={4}>
                  {key}
                </Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
