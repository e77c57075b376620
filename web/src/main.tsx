import "@mantine/core/styles.css";
import "./app/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { createCache } from "./app/cache.ts";
import { Providers } from "./app/Providers.tsx";
import { createRouter } from "./app/routes.tsx";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no root element");

createRoot(root).render(
  <StrictMode>
    <Providers cache={createCache()}>
      <RouterProvider router={createRouter()} />
    </Providers>
  </StrictMode>,
);
