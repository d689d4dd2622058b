from coterie.sources.kinds import Kind
KIND = Kind("excel", None)  # type: ignore
