import { ActionIcon, AppShell, Burger, Menu, Tooltip, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconKeyboard, IconLogout, IconMoon, IconSun, IconUserCircle } from "@tabler/icons-react";
import { Suspense, useEffect, useSyncExternalStore } from "react";
import { Link, Outlet, useLocation, useNavigate } from "react-router";
import { useSession } from "~/access/session.tsx";
import { follow, liveState } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import { write } from "~/api/write.ts";
import { links } from "~/links.ts";
import { Skeletons } from "~/ui/Loaded.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import { Navigation } from "./Navigation.tsx";
import { ShortcutsHelp } from "./ShortcutsHelp.tsx";
import { listenForKeys } from "./shortcuts.ts";
import classes from "./Shell.module.css";

export function Shell() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [menu, openMenu] = useDisclosure(false);
  const [help, openHelp] = useDisclosure(false);

  useEffect(() => follow(cache), [cache]);
  useEffect(() => listenForKeys({ go: (to) => void navigate(to), help: openHelp.open }), [navigate, openHelp.open]);

  return (
    <AppShell header={{ height: 44 }} navbar={{ width: 196, breakpoint: "sm", collapsed: { mobile: !menu } }}>
      <a className={classes.skip} href="#content">
        Skip to the content
      </a>
      <AppShell.Header className={classes.header}>
        <Burger opened={menu} onClick={openMenu.toggle} hiddenFrom="sm" size="sm" aria-label={menu ? "Close the menu" : "Open the menu"} />
        <Link to={links.overview()} className={classes.brand}>
          <img src="/favicon.svg" alt="" width={20} height={20} />
          Querysmith
        </Link>
        <Demo />
        <div className={classes.tools}>
          <Live />
          <Tooltip label="Keys ( ? )">
            <ActionIcon variant="subtle" color="gray" aria-label="Show the keys" onClick={openHelp.open} visibleFrom="sm">
              <IconKeyboard size={17} />
            </ActionIcon>
          </Tooltip>
          <SchemeToggle />
          <Person />
        </div>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar}>
        <Navigation onNavigate={openMenu.close} />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        <Suspense key={pathname} fallback={<div style={{ padding: 20 }}><Skeletons lines={10} /></div>}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <ShortcutsHelp opened={help} onClose={openHelp.close} />
    </AppShell>
  );
}

/** Nobody should take a demonstration for their own databases. */
function Demo() {
  const { data } = useQuery(read.about());
  return data?.demo ? <StateWord of={{ word: "demo", tone: "warn", sign: "flask" }} title="These databases are made up for a demonstration." /> : null;
}

const LIVE = {
  connecting: { word: "connecting", why: "Waiting for the controller's stream of changes." },
  live: { word: "live", why: "Pages update by themselves when something changes." },
  lost: { word: "not live", why: "The stream of changes is interrupted. Pages are refreshed once a minute until it is back." },
};

function Live() {
  const state = useSyncExternalStore(liveState.subscribe, liveState.get);
  const { word, why } = LIVE[state];
  return (
    <Tooltip label={why}>
      <span className={classes.live} data-state={state} role="status" tabIndex={0}>
        <span className={classes.pulse} aria-hidden />
        {word}
      </span>
    </Tooltip>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const other = useComputedColorScheme("light") === "light" ? "dark" : "light";
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon variant="subtle" color="gray" aria-label={`Switch to ${other}`} onClick={() => setColorScheme(other)}>
        {other === "dark" ? <IconMoon size={17} /> : <IconSun size={17} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Person() {
  const { user } = useSession();
  const cache = useQueryClient();
  const about = useQuery(read.about());
  const signOut = useMutation({
    mutationFn: write.signOut,
    onSettled: () => {
      cache.clear();
      cache.setQueryData(read.session().queryKey, null);
    },
  });
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <UnstyledButton className={classes.person} aria-label={`Signed in as ${user.name}`}>
          <IconUserCircle size={18} stroke={1.7} aria-hidden />
          <span>{user.name}</span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {user.name}, {user.role}
        </Menu.Label>
        <Menu.Item component={Link} to={links.settings("tokens")}>
          API tokens
        </Menu.Item>
        <Menu.Item component="a" href={links.apiDocs()}>
          API documentation
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={14} />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
        {about.data && <Menu.Label>Querysmith {about.data.version}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
