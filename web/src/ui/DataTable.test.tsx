import { render, screen } from "@testing-library/react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { expect, test } from "vitest";
import { createCache } from "~/app/cache.ts";
import { Providers } from "~/app/Providers.tsx";
import { DataTable, type Column } from "./DataTable.tsx";

const COLUMNS: Column<string>[] = [
  { id: "name", label: "Name", cell: (row) => row, primary: true },
  { id: "size", label: "Size", cell: (row) => row.length },
];

function list(rows: string[]) {
  const table = <DataTable label="Things" columns={COLUMNS} rows={rows} rowKey={(row) => row} chooser empty={<p>No thing</p>} />;
  const router = createMemoryRouter([{ path: "/", element: table }]);
  return (
    <Providers cache={createCache()}>
      <RouterProvider router={router} />
    </Providers>
  );
}

// Its open menu goes with it.
test("the choice of columns outlives the last row", async () => {
  const { rerender } = render(list(["orders"]));
  const chooser = screen.getByRole("button", { name: "Choose columns" });
  rerender(list([]));
  expect(await screen.findByText("No thing")).toBeTruthy();
  expect(chooser.isConnected).toBe(true);
});
