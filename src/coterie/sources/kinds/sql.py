from coterie.sources.kinds import Kind
KIND = Kind("sql", None)  # type: ignore
