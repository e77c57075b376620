import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem } from "~/api/problem.ts";
import { read } from "~/api/read.ts";

const RETRIES = 2;

/** Server data lives here and nowhere else. Events refresh it; the interval is the net under them. */
export function createCache(): QueryClient {
  const signedOut = (error: Error) => {
    if (error instanceof Problem && error.status === 401) cache.setQueryData(read.session().queryKey, null);
  };
  const cache: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: signedOut }),
    mutationCache: new MutationCache({ onError: signedOut }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        refetchInterval: 60_000,
        refetchOnWindowFocus: true,
        retry: (failures, error) => !(error instanceof Problem && error.status < 500) && failures < RETRIES,
      },
    },
  });
  return cache;
}
