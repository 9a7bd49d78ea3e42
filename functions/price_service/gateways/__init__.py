"""Third parties: price sources, exchange rates, and what stands in for them on a local machine."""
